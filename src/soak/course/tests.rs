//! The course alone, without Python.

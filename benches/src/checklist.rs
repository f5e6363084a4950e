//! What the measurement has to show.

use crate::measure::{OURS, OURS_KEPT, OURS_NEW, Ratio, Results};
use crate::threads::Comparison;
use crate::ways::{Callee, Caller, Way};

/// A statement, and what was measured.
#[derive(Debug)]
pub struct Statement {
    /// What is compared.
    pub text: String,
    /// How it has to be.
    pub bound: Bound,
    /// How it is.
    pub ratio: Ratio,
}

/// A limit that a ratio keeps.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Statement {
    /// Whether the median keeps the limit.
    pub fn holds(&self) -> bool {
        match self.bound {
            Bound::AtMost(limit) => self.ratio.median <= limit,
            Bound::AtLeast(limit) => self.ratio.median >= limit,
        }
    }
}

/// The statements about what was measured; in the quick mode, not all are.
pub fn statements(results: &Results, threads: &[Comparison]) -> Vec<Statement> {
    use Bound::{AtLeast, AtMost};
    let c = Way(Caller::C, Callee::Detect);
    let c_article = Way(Caller::C, Callee::Article);
    let pyo3_article = Way(Caller::PyO3, Callee::Article);
    let grpc = Way(Caller::Grpc, Callee::OneLiner);
    let shared = Way(Caller::Shared, Callee::OneLiner);
    let compared = [
        (1_000, OURS, c, AtMost(0.87)),
        (10_000, OURS_KEPT, c, AtMost(0.80)),
        (1_000_000, OURS_KEPT, c, AtMost(0.55)),
        (1_000, OURS_NEW, c, AtMost(1.08)),
        (1_000, pyo3_article, OURS, AtLeast(2.0)),
        (1_000, c_article, OURS, AtLeast(1.6)),
        (1_000, grpc, OURS, AtLeast(45.0)),
        (1_000, OURS, shared, AtMost(1.4)),
        (1_000_000, pyo3_article, OURS_KEPT, AtLeast(2.3)),
    ];
    let mut statements: Vec<Statement> = compared
        .into_iter()
        .filter_map(|(size, way, other, bound)| {
            Some(Statement {
                text: format!("{}: {way} / {other}", crate::numbers::count(size)),
                ratio: results.ratio(size, way, other)?,
                bound,
            })
        })
        .collect();
    statements.extend(threads.iter().filter_map(|comparison| {
        Some(Statement {
            text: comparison.text.clone(),
            bound: comparison.bound?,
            ratio: comparison.ratio(),
        })
    }));
    statements
}

//! The calls of the table, each under its C name.

mod containers;
mod numbers;
mod objects;
mod text;

pub use containers::{
    Unfilled, dict_new, dict_set_item, dict_set_item_string, list_append, list_get_item, list_new,
    list_set_item, list_set_next, tuple_new, tuple_set_item,
};
pub use numbers::{
    bool_check, bool_from_long, float_as_double, float_check, float_from_double, long_as_long_long,
    long_check, long_from_long_long, number_index,
};
pub use objects::{
    Code, Iter, callable_check, compile_string, import_exec_code_module, import_module, iter_next,
    module_get_dict, object_call, object_call_function_obj_args, object_call_object,
    object_get_attr_string, object_get_iter, object_size, object_type_name,
};
pub use text::{byte_array_check, bytes_check, unicode_check, unicode_from_str, unicode_to_string};

//! What bounds a caller: rates, work budgets, repeated texts.

pub(crate) mod duplicate_text;
pub mod throttle;
pub(crate) mod token_bucket;
pub mod work_budget;
pub mod work_costs;

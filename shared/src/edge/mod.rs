//! The boundary: AWS events become typed input, results become AWS answers. No rules and no SQL here.

pub mod cloudformation;
pub mod extract;
pub mod http;
pub mod list;
pub mod problem;
pub mod rates;
pub mod secrets;
pub mod socket;

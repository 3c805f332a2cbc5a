//! The runbooks that ship, each for real: real servers, the real hub, people with keys of their own.

mod cluster;
mod deploy;
mod ledger;
mod pitr;
mod pitr_forms;
mod pitr_wrong;
mod rds;
mod rebuild;
mod redis;
mod replica;
mod small;
mod walk;

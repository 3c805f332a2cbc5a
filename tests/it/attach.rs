//! Ways into the room: other accounts, other machines, stock tools, captive shells; and who is kept out.

mod accounts;
mod bastion;
mod captive;
mod doctor;
mod laptop;
mod stock;

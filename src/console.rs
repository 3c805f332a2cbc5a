//! The terminal console. Never touches the network, the timeline's files or a step.

//! The engine: executes programs inside the sandbox.

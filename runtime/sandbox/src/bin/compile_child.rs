//! A program that does nothing but compile what it is given.

fn main() -> std::process::ExitCode {
    orkestra_sandbox::compile_child_main()
}

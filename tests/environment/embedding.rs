//! A crate of one's own, made as the README says: it builds, and finds its Python by itself.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{cargo, directory, finished, target, told};
use pyoutliers::interpreter;

const README: &str = include_str!("../../README.md");

/// The first block of Rust in the README that holds a text.
fn block(text: &str) -> &'static str {
    let mut blocks = README.split("```rust").skip(1);
    let block = blocks.find_map(|block| {
        let code = block.split_once('\n')?.1.split_once("```")?.0;
        code.contains(text).then_some(code)
    });
    block.unwrap()
}

#[test]
fn a_crate_as_in_the_readme_runs_with_its_choice_of_python_alone_and_its_soak_passes() {
    let python = interpreter::choice().unwrap().python;
    let this = Path::new(env!("CARGO_MANIFEST_DIR"));
    let embedded = directory("embedded");
    let manifest = format!(
        "[package]\nname = 'embedded'\nedition = '2024'\n\n[workspace]\n\n\
         [dependencies]\npyoutliers = {{ path = {:?}, default-features = false }}\n",
        this.to_str().unwrap()
    );
    fs::create_dir(embedded.join("src")).unwrap();
    fs::write(embedded.join("Cargo.toml"), manifest).unwrap();
    fs::write(embedded.join("src/main.rs"), block("fn main")).unwrap();
    fs::write(embedded.join("build.rs"), block("DEP_PYOUTLIERS_LIBDIR")).unwrap();
    fs::create_dir(embedded.join("tests")).unwrap();
    fs::write(embedded.join("tests/leaks.rs"), block("#[test]")).unwrap();
    // The versions that are here already.
    fs::copy(this.join("Cargo.lock"), embedded.join("Cargo.lock")).unwrap();
    let cargo = |arguments: &[&str]| {
        let mut cargo = cargo(&embedded, arguments);
        cargo.env("OUTLIERS_PYTHON", &python);
        // So that our runner, which is below our directory too, leaves the library to the crate.
        for variable in ["LD_LIBRARY_PATH", "OUTLIERS_BUILD_PYTHON"] {
            cargo.env_remove(variable);
        }
        told(&cargo.output().unwrap())
    };
    let nothing = String::new;
    assert_eq!(cargo(&["build"]), (Some(0), nothing(), nothing()));

    let mut program = Command::new(target().join("debug/embedded"));
    program.env_clear().env("OUTLIERS_PYTHON", &python);
    let output = finished(program, "the program");
    let expected = "[7, 113, 835]\n".to_owned();
    assert_eq!(told(&output), (Some(0), expected, nothing()));

    let (status, stdout, stderr) = cargo(&["test"]);
    let passed = stdout.contains("1 passed");
    assert!(status == Some(0) && passed, "{stdout}{stderr}");

    // The lessons' mistakes are not in there.
    let lessons = "pub use pyoutliers::refcounts;\nfn main() {}\n";
    fs::write(embedded.join("src/main.rs"), lessons).unwrap();
    let (status, _, stderr) = cargo(&["build"]);
    let gated = stderr.contains("gated behind the `lessons` feature");
    assert!(status == Some(101) && gated, "{stderr}");
}

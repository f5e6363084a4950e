//! Compiles the plain C peer for the Python that is linked, and gives the program its rpath.

use std::env;
use std::error::Error;
use std::path::Path;
use std::process::Command;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=peer.c");
    println!("cargo::rerun-if-changed=../pkg-config/python3.pc");
    println!("cargo::rerun-if-env-changed=PKG_CONFIG_PATH");

    // The interpreter that python3-sys has chosen, and its pkg-config directory.
    let python = env::var("DEP_PYTHON3_PYTHON_INTERPRETER")?;
    let question = "import sysconfig; print(sysconfig.get_config_var('LIBPC') or '')";
    let libpc = output(Command::new(python).args(["-I", "-c", question]))?;

    let mut c = cc::Build::new();
    for flag in pkg_config("--cflags", &libpc)?.split_whitespace() {
        c.flag(flag);
    }
    // With -O3, as distributions compile: `cc` takes the level from Cargo's release profile.
    c.file("peer.c").warnings(true).compile("peer");

    for flag in pkg_config("--libs-only-L", &libpc)?.split_whitespace() {
        if let Some(directory) = flag.strip_prefix("-L") {
            println!("cargo::rustc-link-arg=-Wl,-rpath,{directory}");
        }
    }
    let rustc = output(Command::new(env::var("RUSTC")?).arg("--version"))?;
    println!("cargo::rustc-env=BENCHES_RUSTC={rustc}");
    Ok(())
}

/// Searches the product's python3.pc first, which names the embedded Python, then the interpreter's own.
fn pkg_config(flags: &str, libpc: &str) -> Result<String> {
    let ours = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../pkg-config");
    let mut search = vec![ours, libpc.into()];
    search.extend(
        env::var_os("PKG_CONFIG_PATH")
            .iter()
            .flat_map(env::split_paths),
    );
    output(
        Command::new("pkg-config")
            .env("PKG_CONFIG_PATH", env::join_paths(search)?)
            .env("PKG_CONFIG_ALLOW_SYSTEM_LIBS", "1")
            .args([flags, "python3"]),
    )
}

fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{command:?}: {said}").into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

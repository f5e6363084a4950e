//! Lets the program find the libpython that PyO3 links: by its directory, where the loader would not look.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=PYO3_PYTHON");
    println!("cargo::rerun-if-env-changed=PATH");
    let python = env::var("PYO3_PYTHON").unwrap_or_else(|_| "python3".into());
    let question = "import sysconfig; print(sysconfig.get_config_var('LIBDIR') or '')";
    let output = Command::new(&python).args(["-I", "-c", question]).output();
    match output {
        Ok(output) if output.status.success() => {
            let directory = String::from_utf8_lossy(&output.stdout);
            println!("cargo::rustc-link-arg=-Wl,-rpath,{}", directory.trim());
        }
        _ => println!("cargo::error={python} does not answer; name another by PYO3_PYTHON"),
    }
}

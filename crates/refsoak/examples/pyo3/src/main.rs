//! Prints the results of the two soaks.

fn main() -> refsoak::Result<()> {
    let clean = refsoak_with_pyo3::clean()?;
    println!("{}: {}", clean.verdict.name(), clean.summary());
    let leaking = refsoak_with_pyo3::leaking()?;
    println!("{}: {}", leaking.verdict.name(), leaking.summary());
    for reference in &leaking.references {
        println!("  {reference}");
    }
    Ok(())
}

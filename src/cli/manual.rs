//! `tandem completions` and `tandem man`: what shells and readers of manuals want to know, made of the same definition
//! that `--help` is, so that the three agree.

use clap::CommandFactory;

use super::arguments::{Arguments, Completions, Man};
use super::exit::Exit;
use super::output::Output;
use super::trouble::Trouble;

/// Prints the completions for a shell.
pub fn completions(wanted: Completions) -> Exit {
    let mut text = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(wanted.shell, &mut command, "tandem", &mut text);
    Output::result(&String::from_utf8_lossy(&text));
    Exit::Good
}

/// Prints a page of the manual, or writes all of them.
pub fn man(wanted: &Man) -> Result<Exit, Trouble> {
    let mut command = Arguments::command();
    if let Some(folder) = &wanted.dir {
        let failed = |error| Trouble::usage(format!("write to {}: {error}", folder.display()));
        std::fs::create_dir_all(folder).map_err(failed)?;
        clap_mangen::generate_to(command, folder).map_err(failed)?;
        return Ok(Exit::Good);
    }
    command.build();
    let page = match &wanted.command {
        None => command,
        Some(name) => {
            let found = command.find_subcommand(name).cloned();
            found.ok_or_else(|| {
                let known = command.get_subcommands().map(clap::Command::get_name);
                let known = known.collect::<Vec<_>>().join(", ");
                Trouble::usage(format!("there is no such command: there are {known}"))
            })?
        }
    };
    let mut text = Vec::new();
    let rendered = clap_mangen::Man::new(page).render(&mut text);
    rendered.map_err(|error| Trouble::bug(error.to_string()))?;
    Output::result(&String::from_utf8_lossy(&text));
    Ok(Exit::Good)
}

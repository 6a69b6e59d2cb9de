package io.tidegrad.cli;

import picocli.CommandLine.ParameterException;
import picocli.CommandLine;

/// A command that does nothing without one of its subcommands.
final class CommandGroup extends OptionsCommand {
    /// @param commands commands with their names
    static CommandLine of(String name, String description, Object... commands) {
        CommandLine group = new CommandLine(new CommandGroup());
        group.getCommandSpec().name(name).usageMessage().description(description);
        for (Object command : commands) {
            group.addSubcommand(command);
        }
        return group;
    }

    @Override
    public Integer call() {
        throw new ParameterException(spec().commandLine(),
                "expected one of " + String.join(", ", spec().subcommands().keySet()) + " after "
                        + spec().qualifiedName() + ", found none");
    }
}

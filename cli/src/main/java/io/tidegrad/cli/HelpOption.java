package io.tidegrad.cli;

import picocli.CommandLine.Option;

/// `--help`, the same in every command.
final class HelpOption {
    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Tells this.")
    private boolean asked;
}

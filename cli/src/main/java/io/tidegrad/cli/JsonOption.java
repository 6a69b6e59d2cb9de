package io.tidegrad.cli;

import picocli.CommandLine.Option;

/// `--json`, the same in every load test.
final class JsonOption {
    @Option(names = "--json", description = "Print lines of JSON, with every value, instead of text for people.")
    private boolean asked;

    boolean isAsked() {
        return asked;
    }
}

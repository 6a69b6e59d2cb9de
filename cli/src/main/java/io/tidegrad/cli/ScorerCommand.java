package io.tidegrad.cli;

import io.tidegrad.scorerapp.ScorerMain;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Unmatched;

/// Hands all arguments over to the scorer, which also reads the environment and a file.
@Command(name = "scorer", description = "Serve the newest weights of one or more models over HTTP.")
final class ScorerCommand implements Runnable {
    @Unmatched
    private List<String> arguments = new ArrayList<>();

    @Override
    public void run() {
        ScorerMain.start(arguments, CliCommands.ALL);
    }
}

package io.tidegrad.cli;

import io.tidegrad.trainer.TrainerMain;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Unmatched;

/// Hands all arguments over to the trainer, which also reads the environment and a file.
@Command(name = "trainer", description = "Learn one or more models from their topics, exactly once.")
final class TrainerCommand implements Runnable {
    @Unmatched
    private List<String> arguments = new ArrayList<>();

    @Override
    public void run() {
        TrainerMain.start(arguments, CliCommands.ALL);
    }
}

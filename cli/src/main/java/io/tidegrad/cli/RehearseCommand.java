package io.tidegrad.cli;

import io.tidegrad.cli.quickstart.Rehearsal;
import picocli.CommandLine.Command;

/// For the launcher: what it does is worth nothing but to a JVM that writes down the classes.
@Command(name = "rehearse", hidden = true,
        description = "Run trainer and scorer once, for the JVM that writes down what they load; ./tidegrad build does.")
final class RehearseCommand implements Runnable {
    @Override
    public void run() {
        try {
            Rehearsal.run();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

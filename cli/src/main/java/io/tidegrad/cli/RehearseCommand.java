package io.tidegrad.cli;

import io.tidegrad.cli.quickstart.Rehearsal;
import picocli.CommandLine.Command;

/// The command that the launcher runs in a JVM that records the loaded classes.
@Command(name = "rehearse", hidden = true,
        description = "Run trainer and scorer once, so that the JVM records the classes that they load; ./tidegrad build does this.")
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

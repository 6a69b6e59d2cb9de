package io.tidegrad.cli;

import io.tidegrad.loadtests.chaos.LoopLoad;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "loop", description = {
    "Kill scorer, joiner, trainer and broker while answers are logged, labelled and learned, and count what was served.",
    "",
    "Requests of four days come at an even rate. A scorer answers and logs them; a fifth gets no label, most of the others"
            + " get theirs a day later, and some labels are taken back. A joiner makes examples, a trainer learns them, and"
            + " the scorer serves what was learned. Then each answer is compared with the log, and what the trainer counts"
            + " as served with a computation by brute force over the log and the last label of each request. The exit status"
            + " is 1 if anything differs, or if an answer of a scorer that was not killed is not in the log."})
final class LoadtestLoop extends Loadtest.WithJson {
    @Option(names = "--requests", paramLabel = "N", defaultValue = "200000",
            description = "Number of requests (default: ${DEFAULT-VALUE}).")
    private int requests;

    @Option(names = "--rate", paramLabel = "N", defaultValue = "1000",
            description = "Requests a second (default: ${DEFAULT-VALUE}).")
    private double rate;

    @Option(names = "--connections", paramLabel = "N", defaultValue = "8",
            description = "Connections that they come over (default: ${DEFAULT-VALUE}).")
    private int connections;

    @Option(names = "--kills", paramLabel = "N", defaultValue = "4",
            description = "How often each process and the broker is killed (default: ${DEFAULT-VALUE}).")
    private int kills;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1",
            description = "Seed of every choice (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Override
    Measuring measuring() {
        LoopLoad load = new LoopLoad(new LoopLoad.Options(requests, rate, connections, kills, seed, json()), System.out,
                System.err);
        return of(load);
    }
}

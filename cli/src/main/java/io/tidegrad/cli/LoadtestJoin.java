package io.tidegrad.cli;

import io.tidegrad.joiner.app.JoinerMain;
import io.tidegrad.loadtests.chaos.JoinLoad;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "join", description = {
    "Kill, pause and replace joiners under load, and compare each example with what it must be.", "",
    "Events and labels of four hours come at an even rate: late labels, labels before their events, retractions,"
            + " duplicates, labels without an event, and records that can't be read. A trainer learns from the examples"
            + " meanwhile. Joiners are killed and paused beyond their session, one becomes three and one again, and the"
            + " broker is killed. Then the examples of each event are compared with what is known of it, and with a"
            + " brute-force join of both topics; the dead letters with the records that can't be joined; and the trainer's"
            + " hash with a plain fold over the examples. The exit status is 1 if anything differs, if more labels than"
            + " --late-max were read too late, or if everything was written before the last kill."})
final class LoadtestJoin extends Loadtest.WithJson {
    @Option(names = "--events", paramLabel = "N", defaultValue = "1000000",
            description = "Number of events (default: ${DEFAULT-VALUE}).")
    private long events;

    @Option(names = "--rate", paramLabel = "N", defaultValue = "4000",
            description = "Events a second (default: ${DEFAULT-VALUE}).")
    private double rate;

    @Option(names = "--kills", paramLabel = "N", defaultValue = "24",
            description = "Number of joiners that are killed; 0 for none, and one joiner only, with --zombies 0 and"
                    + " --no-broker-kill (default: ${DEFAULT-VALUE}).")
    private int kills;

    @Option(names = "--zombies", paramLabel = "N", defaultValue = "2",
            description = "Number of joiners that are paused until others have their tasks (default: ${DEFAULT-VALUE}).")
    private int zombies;

    @Option(names = "--no-broker-kill", description = "Do not kill the broker.")
    private boolean noBrokerKill;

    @Option(names = "--late-max", paramLabel = "PERCENT", defaultValue = "0.1",
            description = "Percentage of events that may have become examples before a task read their label, which came"
                    + " in time (default: ${DEFAULT-VALUE}). There are more on a busy machine, and with a joiner that goes"
                    + " by the wall clock.")
    private double lateMax;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1",
            description = "Seed of every choice (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Override
    Measuring measuring() {
        JoinLoad load = new JoinLoad(new JoinLoad.Options(events, rate, kills, zombies, !noBrokerKill, seed, lateMax,
                json(), List.of(JoinerMain.class.getName())), System.out, System.err);
        return of(load);
    }
}

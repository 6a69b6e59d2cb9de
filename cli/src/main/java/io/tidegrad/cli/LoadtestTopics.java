package io.tidegrad.cli;

import io.tidegrad.loadtests.Names;
import io.tidegrad.loadtests.chaos.OurTopic;
import io.tidegrad.loadtests.chaos.TopicDamage;
import io.tidegrad.loadtests.chaos.TopicsLoad;
import io.tidegrad.trainer.TrainerMain;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "topics", description = {
    "Show what happens if a topic is deleted, emptied, created again, repartitioned or filled with garbage.", "",
    "For each topic and each damage it starts a trainer and a scorer of a model of their own, real processes under a"
            + " supervisor, with about 1,000 events a second and requests over HTTP and on a topic. It prints a table:"
            + " what /health says and when, whether learning goes on, whether its hash equals a plain fold's, what a"
            + " restart does, and whether scoring goes on. The exit status is 1 if a hash differs, an HTTP request is"
            + " not answered, or learning stands still while /health says that all is well. All of it takes about 25"
            + " minutes with two at once."})
final class LoadtestTopics extends Loadtest {
    @Option(names = "--topics", paramLabel = "NAME", split = ",",
            description = "Damage only these topics: events, models, control, changelog, snapshots, progress, dead-letters, requests,"
                    + " predictions.")
    private List<String> topics = List.of();

    @Option(names = "--damages", paramLabel = "NAME", split = ",",
            description = "Only these damages: deleted, emptied, recreated, widened, garbage.")
    private List<String> damages = List.of();

    @Option(names = "--at-once", paramLabel = "N", defaultValue = "2",
            description = "Number of models at once (default: ${DEFAULT-VALUE}).")
    private int atOnce;

    @Override
    Measuring measuring() {
        TopicsLoad load = new TopicsLoad(Names.named("--topics", OurTopic.class, topics),
                Names.named("--damages", TopicDamage.class, damages), atOnce, List.of(TrainerMain.class.getName()),
                System.out, System.err);
        return of(load);
    }
}

package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.Limits;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Names;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.localstack.LocalStackException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.kafka.common.KafkaException;

/// Damages every topic in every way under a running trainer and scorer, each time of a model of its own, and prints a
/// table of what happens and how long it takes.
///
/// Under any damage, the hashes of a model that learns on equal a fold's, questions over HTTP are answered, and a process
/// that stands still does not say that it is healthy.
public final class TopicsLoad extends LoadTest {
    /// For many JVMs that start again and again on few cores.
    private static final List<String> QUICK = List.of("-Xmx256m", "-XX:TieredStopAtLevel=1");

    private final List<OurTopic> topics;
    private final List<TopicDamage> damages;
    private final int atOnce;
    private final List<String> trainerMain;
    private final List<DamagedTopic.Outcome> outcomes = new ArrayList<>();

    /// @param atOnce models that are damaged side by side, because each mostly waits
    /// @param trainerMain main class of trainers, and arguments before a trainer's own
    public TopicsLoad(List<OurTopic> topics, List<TopicDamage> damages, int atOnce, List<String> trainerMain,
            PrintStream out, PrintStream progress) {
        super(false, out, progress);
        Limits.require("--at-once", atOnce, 1, Integer.MAX_VALUE);
        this.topics = List.copyOf(topics);
        this.damages = List.copyOf(damages);
        this.atOnce = atOnce;
        this.trainerMain = List.copyOf(trainerMain);
    }

    @Override
    protected String measure() throws InterruptedException {
        List<String> flags = Processes.with(childFlags(), QUICK);
        try (ExecutorService threads = Executors.newFixedThreadPool(atOnce)) {
            List<Future<DamagedTopic.Outcome>> running = new ArrayList<>();
            for (OurTopic topic : topics) {
                for (TopicDamage damage : damages) {
                    running.add(threads.submit(() -> cell(topic, damage, flags)));
                }
            }
            try {
                for (Future<DamagedTopic.Outcome> cell : running) {
                    DamagedTopic.Outcome outcome = cell.get();
                    outcomes.add(outcome);
                    outcome.violations().forEach(each -> violation(
                            Names.of(outcome.topic()) + " " + Names.of(outcome.damage()) + ": " + each));
                }
            } catch (ExecutionException e) {
                threads.shutdownNow();
                throw new LoadTestException(String.valueOf(e.getCause()), e);
            }
        }
        return table();
    }

    private DamagedTopic.Outcome cell(OurTopic topic, TopicDamage damage, List<String> flags)
            throws InterruptedException {
        String name = Names.of(topic) + "-" + Names.of(damage);
        long seed = 31L * topic.ordinal() + damage.ordinal();
        long since = System.nanoTime();
        try (DamagedTopic damaged = DamagedTopic.open(lab(), name, flags, trainerMain, new SplittableRandom(seed))) {
            DamagedTopic.Outcome outcome = damaged.damage(topic, damage);
            say("%-24s %5.1f s  %s%s", name, secondsSince(since), outcome.learning(),
                    outcome.violations().isEmpty() ? "" : "  VIOLATIONS " + outcome.violations());
            return outcome;
        } catch (LoadTestException | LocalStackException | KafkaException e) {
            say("%-24s %s", name, String.valueOf(e.getMessage()));
            String unclear = "the run could not tell: " + e.getMessage();
            return new DamagedTopic.Outcome(topic, damage, "-", "-", "-", "-", "-", "-", "-", List.of(unclear));
        }
    }

    private String table() {
        StringBuilder table = new StringBuilder();
        table.append("""
                | topic | what | trainer's `/health` | learning | hashes | trainer stopped and started | scorer's `/health` | scoring over HTTP | topic to topic |
                |---|---|---|---|---|---|---|---|---|
                """);
        for (DamagedTopic.Outcome outcome : outcomes) {
            table.append(String.format(Locale.ROOT, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |%n",
                    Names.of(outcome.topic()), Names.of(outcome.damage()), outcome.trainerHealth(), outcome.learning(),
                    outcome.hashes(), outcome.startedAgain(), outcome.scorerHealth(), outcome.http(),
                    outcome.requests()));
        }
        List<String> violations = violations();
        table.append(String.format(Locale.ROOT, "%n%d cells, %d violations%n", outcomes.size(), violations.size()));
        violations.forEach(violation -> table.append("- ").append(violation).append('\n'));
        return table.toString();
    }
}

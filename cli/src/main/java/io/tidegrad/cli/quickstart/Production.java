package io.tidegrad.cli.quickstart;

import io.tidegrad.cli.CommandException;
import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.KafkaProvider;
import io.tidegrad.localstack.LocalStackException;
import io.tidegrad.localstack.TrainerClient;
import io.tidegrad.localstack.TrainerHealth;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.spec.ModelSpec;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.KafkaException;

/// Sends a stream to a system that others started, and shows how its trainer learns and its scorer follows.
///
/// @param events number of events to send, from the beginning of the stream
/// @param trainer URL of the trainer, without a path
/// @param scorer URL of the scorer, without a path
public record Production(ShippedStream stream, Pace pace, int events, KafkaProvider kafka, String trainer,
        String scorer) {
    // The others may start at the same time, on a busy machine.
    private static final Duration START_WITHIN = Duration.ofMinutes(5);
    private static final Duration STANDSTILL_MAX = Duration.ofMinutes(2);
    private static final Duration LOOK_EVERY = Duration.ofMillis(250);

    public Production {
        QuickstartOptions.requireWithin(stream, events);
        requireUrl("--registry-url", kafka.registryUrl());
        trainer = requireUrl("--trainer", trainer);
        scorer = requireUrl("--scorer", scorer);
    }

    private static String requireUrl(String option, String text) {
        try {
            URI url = new URI(text);
            if (("http".equals(url.getScheme()) || "https".equals(url.getScheme())) && url.getHost() != null) {
                return text.replaceFirst("/+$", "");
            }
        } catch (URISyntaxException noUrl) {
            // told below
        }
        throw new IllegalArgumentException(
                option + ": expected http://HOST:PORT or https://HOST:PORT, found '" + text + "'");
    }

    /// Returns once all events are learned and served.
    ///
    /// @throws CommandException if something does not answer, or nothing moves any more
    public void run() throws InterruptedException {
        ModelSpec spec = ModelSpec.parse(stream.spec(), stream.specFile());
        List<StreamEvent> sent = stream.read().subList(0, events);
        View view = View.of(Terminal.standardOutput(System.getenv()));
        try (Json http = new Json()) {
            TrainerClient learning = new TrainerClient(http, trainer, spec.model());
            ScorerClient serving = new ScorerClient(http, scorer, spec.model());
            boolean[] created = new boolean[1];
            await(view, "Kafka at " + kafka.bootstrapServers(), () -> {
                created[0] |= EventsTopic.createUnlessThere(kafka.bootstrapServers(), spec.inputTopic());
                return true;
            });
            await(view, "registry at " + kafka.registryUrl(),
                    () -> http.get(kafka.registryUrl() + "/subjects") != null);
            await(view, "trainer at " + trainer, () -> learning.health().running());
            await(view, "scorer at " + scorer, () -> serving.served().alive());
            try (EventProducer producer = new EventProducer(kafka, spec.inputTopic(), stream, sent, pace)) {
                producer.tick();
                // The trainer's measures are of all events in the topic, and the baseline's only of those sent now.
                boolean comparable = created[0] && stream == ShippedStream.FLIGHTS;
                BaselineRun baseline = new BaselineRun(comparable ? sent : List.of());
                follow(view, producer, learning, serving, baseline);
            }
        }
    }

    private void follow(View view, EventProducer producer, TrainerClient learning, ScorerClient serving,
            BaselineRun baseline) throws InterruptedException {
        long since = System.nanoTime();
        producer.start();
        Standstill standstill = new Standstill("the system", STANDSTILL_MAX);
        boolean done = false;
        while (!done) {
            producer.requireHealthy();
            TrainerHealth health = learning.health();
            ScorerClient.Served served = serving.served();
            done = producer.finished() && health.settledAt(producer.endOffset())
                    && served.version() == health.version();
            if (done) {
                requireSame(health.report().weightsHash(), serving.weightsHash());
                view.settle();
            }
            view.progress(new Progress(stream, (System.nanoTime() - since) * 1e-9, producer.acknowledged(), events,
                    producer.eventsPerSecond(), health,
                    baseline.after(health.report().nextOffset() - producer.firstOffset()), served.version(),
                    served.freshnessMillis()));
            standstill.look(producer.acknowledged() + health.nextOffset() + served.version(),
                    "offset " + Figures.count(health.nextOffset()) + ", version " + Figures.count(served.version()));
            TimeUnit.NANOSECONDS.sleep(LOOK_EVERY.toNanos());
        }
        view.settle();
    }

    private static void requireSame(String learned, String served) {
        if (!learned.isEmpty() && !served.isEmpty() && !learned.equals(served)) {
            throw new CommandException("expected the scorer to serve the weights that the trainer has, weights-hash "
                    + learned + ", found " + served + " under the same version: do both read the same topics?");
        }
    }

    private static void await(View view, String what, Callable<Boolean> ready) throws InterruptedException {
        long since = System.nanoTime();
        String found = "no answer that it is ready";
        while (System.nanoTime() - since < START_WITHIN.toNanos()) {
            try {
                if (ready.call()) {
                    view.done(what, (System.nanoTime() - since) * 1e-9);
                    return;
                }
            } catch (KafkaException | LocalStackException notYet) {
                found = String.valueOf(notYet.getMessage());
            } catch (InterruptedException | RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
            view.doing(what, (System.nanoTime() - since) * 1e-9);
            TimeUnit.NANOSECONDS.sleep(LOOK_EVERY.toNanos());
        }
        throw new CommandException(
                what + ": expected it to be ready within " + START_WITHIN.toSeconds() + " s, found " + found);
    }
}

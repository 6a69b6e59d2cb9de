package io.tidegrad.cli;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.loadtests.chaos.Chaos;
import io.tidegrad.model.evaluation.LossComparison;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.process.RunTeller;
import io.tidegrad.process.StopException;
import io.tidegrad.replay.Checkpoint;
import io.tidegrad.replay.ReplayResult;
import io.tidegrad.replay.VerifyResult;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.Build;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.Verdict;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/// Writes what verify, replay, compare or chaos found to the topic of progress, for `--tell`: that needs a right to write,
/// which these commands do without otherwise.
final class Verdicts {
    private static final int SEND_WITHIN_MILLIS = 10_000;

    private Verdicts() {}

    /// Returns what a verification found.
    static Verdict of(VerifyResult result, Kernels kernels) {
        VerifyResult.Difference difference = result.difference();
        Checkpoint target = result.target();
        return by("verify", kernels).setModel(result.model()).setEpoch(result.epoch()).setVersion(target.version())
                .setFromOffset(result.startOffset()).setNextOffset(target.nextOffset()).setEvents(result.events())
                .setCompared(result.compared()).setEqual(difference == null).setExpected(target.weightsHash())
                .setFound(result.weightsHash()).setDetail(difference == null ? "" : where(difference)).build();
    }

    private static String where(VerifyResult.Difference difference) {
        Checkpoint different = difference.different();
        Checkpoint equal = difference.equal();
        return "first seen in the " + different.source() + " at offset " + different.nextOffset() + ", version "
                + different.version() + ": it has " + different.weightsHash() + ", the log gives "
                + difference.weightsHash()
                + (equal == null ? "; nothing before it agrees" : "; the " + equal.source() + " before it agrees");
    }

    /// Returns what a replay came to. It compares nothing.
    static Verdict of(ReplayResult result, Kernels kernels) {
        return by("replay", kernels).setModel(result.model()).setEpoch(null).setVersion(result.version())
                .setFromOffset(result.startOffset()).setNextOffset(result.nextOffset()).setEvents(result.events())
                .setCompared(0).setEqual(null).setExpected(null).setFound(result.weightsHash()).setDetail("").build();
    }

    /// Returns what a comparison of two models came to.
    static Verdict ofPair(ReplayResult result, Kernels kernels) {
        ReplayResult.Compared other = Objects.requireNonNull(result.compared(), "two models were learned");
        LossComparison.Result losses = other.losses();
        return by("compare", kernels).setModel(other.model()).setEpoch(null).setVersion(other.version())
                .setFromOffset(result.startOffset()).setNextOffset(result.nextOffset())
                .setEvents(losses == null ? 0 : losses.examples()).setCompared(0).setEqual(null).setExpected(null)
                .setFound(null).setDetail(certainty(losses, result.model())).setCandidate(result.model())
                .setBetter(losses == null ? "" : switch (losses.verdict()) {
                    case BETTER -> result.model();
                    case WORSE -> other.model();
                    case CANT_TELL_YET -> "";
                }).build();
    }

    /// @param losses null: the models' predictions are of different kinds
    static String certainty(LossComparison.@Nullable Result losses, String candidate) {
        if (losses == null) {
            return "their predictions are of different kinds";
        }
        return losses.examples() == 0 ? "too few examples that both learned" : String.format(Locale.ROOT,
                "difference of losses %+.5f, with %.0f %% certainty %+.5f to %+.5f, over %,d examples; above 0 %s is"
                        + " better",
                losses.difference(), 100 * LossComparison.CONFIDENCE, losses.low(), losses.high(), losses.examples(),
                candidate);
    }

    /// Returns what runs of chaos with one seed found.
    static Verdict of(List<Chaos> runs, long seed) {
        int violations = runs.stream().mapToInt(each -> each.violations().size()).sum();
        return by("chaos", Kernels.active()).setModel("").setEpoch(null).setVersion(0).setFromOffset(0).setNextOffset(0)
                .setEvents(runs.stream().mapToLong(Chaos::events).sum())
                .setCompared(Math.toIntExact(runs.stream().mapToLong(Chaos::watermarks).sum()))
                .setEqual(violations == 0).setExpected(null).setFound(null)
                .setDetail("faults %d, trainers killed %d, violations %d, seed %d".formatted(
                        runs.stream().mapToInt(Chaos::episodes).sum(), runs.stream().mapToInt(Chaos::kills).sum(),
                        violations, seed))
                .build();
    }

    private static Verdict.Builder by(String command, Kernels kernels) {
        return Verdict.newBuilder().setCommand(command).setTime(Instant.now()).setHost(RunTeller.hostName())
                .setBuild(Build.version()).setKernels(kernels.name());
    }

    /// Writes a verdict as `tell` with two arguments. That it can't be told does not hide a difference.
    ///
    /// @param err told of it then
    static void tell(Settings settings, Verdict verdict, PrintWriter err) {
        try {
            tell(settings, verdict);
        } catch (StopException e) {
            if (!Boolean.FALSE.equals(verdict.getEqual())) {
                throw e;
            }
            err.println("--tell: " + e.getMessage());
        }
    }

    /// Writes a verdict, and waits until the broker has it.
    ///
    /// @throws StopException if it can't be written
    static void tell(Settings settings, Verdict verdict) {
        String topic = new Topics(settings.text(CommonSettings.PREFIX)).progress();
        Map<String, Object> client = new HashMap<>(settings.kafka().client());
        client.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, SEND_WITHIN_MILLIS);
        client.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, SEND_WITHIN_MILLIS / 2);
        client.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, SEND_WITHIN_MILLIS);
        client.put(ProducerConfig.LINGER_MS_CONFIG, 0);
        // A verdict that is written twice is the same one, and without the right Kafka names the topic.
        client.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, false);
        try (SchemaRegistry registry = SchemaRegistry.connect(settings.registry().client());
                Producer<byte[], byte[]> producer =
                        new KafkaProducer<>(client, new ByteArraySerializer(), new ByteArraySerializer())) {
            int schema =
                    registry.register(topic + "-" + Verdict.getClassSchema().getFullName(), Verdict.getClassSchema());
            byte[] value = new AvroCodec(registry).encode(schema, verdict);
            producer.send(new ProducerRecord<>(topic, key(verdict), value)).get();
        } catch (SchemaRegistry.RegistryUnavailableException e) {
            throw StopException.from(e, settings.registry().shownUrl());
        } catch (ExecutionException e) {
            throw StopException.from(new KafkaException("sending record of --tell", e.getCause()));
        } catch (KafkaException e) {
            throw StopException.from(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandException("--tell: interrupted before the broker had the verdict", e);
        }
    }

    /// No model's name has a tilde, so readers that look up progress by model skip this key.
    private static byte[] key(Verdict of) {
        String pair = of.getCandidate().isEmpty() ? "" : "~" + of.getCandidate();
        return (of.getModel() + "~~" + of.getCommand() + pair).getBytes(StandardCharsets.UTF_8);
    }
}

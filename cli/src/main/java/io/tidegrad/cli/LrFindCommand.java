package io.tidegrad.cli;

import io.tidegrad.cli.plot.Panel;
import io.tidegrad.cli.plot.Plot;
import io.tidegrad.cli.plot.PlotFile;
import io.tidegrad.control.SpecFile;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.learn.LearningRateSweep;
import io.tidegrad.model.learn.RateCurve;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Setting;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.replay.LearningRateFinder;
import io.tidegrad.schemas.Topics;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.function.LongFunction;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.message.BinaryMessageDecoder;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

/// `tidegrad lr-find`.
final class LrFindCommand {
    private static final long EVENTS = 10_000;
    private static final int ROWS = 15; // of the table

    private LrFindCommand() {}

    static int run(Settings settings, CommandLine line) {
        check(settings);
        ModelSpec spec = spec(settings);
        RateCurve curve = curve(settings, spec);
        String plot = settings.text(CliSettings.PLOT);
        if (!plot.isEmpty()) {
            PlotFile.write(Path.of(plot), plot(spec, curve));
        }
        line.getOut().print(settings.flag(CliSettings.JSON) ? line(spec, curve) : text(spec, curve));
        return 0;
    }

    private static void check(Settings settings) {
        settings.highestOf(CommonSettings.SPEC, CommonSettings.STREAM);
        String stream = settings.text(CommonSettings.STREAM);
        if (!stream.isEmpty() && Arrays.stream(ShippedStream.values()).noneMatch(each -> each.label().equals(stream))) {
            settings.problem("--stream: expected flights or digits, found '" + stream + "'");
        }
        if (settings.text(CommonSettings.STREAM).isEmpty()) {
            for (Setting setting : List.of(CommonSettings.SPEC, CommonSettings.BOOTSTRAP_SERVERS,
                    CommonSettings.REGISTRY_URL)) {
                if (settings.text(setting).isEmpty()) {
                    settings.problem("--" + setting.key() + ": expected a value, found none; or give --stream");
                }
            }
        }
        settings.refuseMistakes();
        if (settings.decimal(CliSettings.FROM_RATE) >= settings.decimal(CliSettings.TO_RATE)) {
            settings.problem("--from-rate, --to-rate: expected the first below the second, found "
                    + settings.text(CliSettings.FROM_RATE) + " and " + settings.text(CliSettings.TO_RATE));
        }
        settings.refuseMistakes();
    }

    private static ModelSpec spec(Settings settings) {
        List<String> files = settings.list(CommonSettings.SPEC);
        if (!files.isEmpty()) {
            return SpecFile.read(Path.of(files.getFirst()));
        }
        ShippedStream stream = stream(settings);
        return ModelSpec.parse(stream.spec(), stream.specFile());
    }

    private static ShippedStream stream(Settings settings) {
        return ShippedStream.valueOf(settings.text(CommonSettings.STREAM).toUpperCase(Locale.ROOT));
    }

    private static RateCurve curve(Settings settings, ModelSpec spec) {
        LongFunction<LearningRateSweep.Range> range =
                held -> new LearningRateSweep.Range(settings.decimal(CliSettings.FROM_RATE),
                        settings.decimal(CliSettings.TO_RATE),
                        settings.numberIfGiven(CliSettings.EVENTS).orElse(Math.min(EVENTS, held)));
        try {
            return settings.text(CommonSettings.STREAM).isEmpty()
                    ? LearningRateFinder.run(settings.kafka(), settings.registry(),
                            new Topics(settings.text(CommonSettings.PREFIX)), spec, range, Kernels.active())
                    : shipped(stream(settings), spec, range);
        } catch (IllegalArgumentException e) {
            settings.problem(String.valueOf(e.getMessage()));
            settings.refuseMistakes();
            throw e;
        }
    }

    /// Encodes the events as Avro messages, as in a topic.
    private static RateCurve shipped(ShippedStream stream, ModelSpec spec,
            LongFunction<LearningRateSweep.Range> range) {
        Schema schema = stream.schema();
        BinaryMessageDecoder<GenericRecord> messages = new BinaryMessageDecoder<>(GenericData.get(), schema);
        AvroEvent event = new AvroEvent();
        ValueDecoder decoder = value -> {
            try {
                return event.of(messages.decode(value));
            } catch (IOException encodedHere) {
                throw new UncheckedIOException(encodedHere);
            }
        };
        LearningRateSweep test = new LearningRateSweep(spec, decoder, Kernels.active(), range.apply(stream.rows()));
        BinaryMessageEncoder<GenericRecord> encoder = new BinaryMessageEncoder<>(GenericData.get(), schema);
        Headers none = new RecordHeaders();
        try {
            for (StreamEvent next : stream.read()) {
                if (!test.fold(encoder.encode(next.toAvro(schema)).array(), none)) {
                    break;
                }
            }
        } catch (IOException neverOfMemory) {
            throw new UncheckedIOException(neverOfMemory);
        }
        return test.curve();
    }

    private static Plot plot(ModelSpec spec, RateCurve curve) {
        List<Panel.Mark> marks = new ArrayList<>();
        curve.tenthOfLeast().ifPresent(rate -> marks.add(new Panel.Mark("a tenth: " + rate(rate), rate)));
        curve.steepest().ifPresent(rate -> marks.add(new Panel.Mark("steepest: " + rate(rate), rate)));
        return new Plot(
                List.of(new Panel(spec.model() + ": loss against learning rate", new Panel.Axis("learning rate", true),
                        new Panel.Axis("progressive loss, smoothed", false),
                        List.of(new Panel.Line("loss",
                                curve.points().stream().map(p -> new Panel.Point(p.rate(), p.loss())).toList())),
                        marks)));
    }

    private static String text(ModelSpec spec, RateCurve curve) {
        StringBuilder text = new StringBuilder();
        text.append("model %s: %,d updates on %,d events, %,d of them dead letters; loss smoothed with factor %.4f%n%n"
                .formatted(spec.model(), curve.updates(), curve.events(), curve.deadLetters(), curve.keep()));
        text.append("      rate        loss%n".formatted());
        int points = curve.points().size();
        int last = -1;
        for (int row = 0; row < ROWS && points > 0; row++) {
            int point = (int) ((long) row * (points - 1) / (ROWS - 1));
            if (point > last) {
                text.append("%10s  %10.5g%n".formatted(rate(curve.points().get(point).rate()),
                        curve.points().get(point).loss()));
            }
            last = point;
        }
        return text.append("%nended: %s%n".formatted(ended(curve))).append(advice(curve)).toString();
    }

    private static String ended(RateCurve curve) {
        return switch (curve.end()) {
            case LOSS_ROSE -> "the loss exceeded four times its least";
            case NOT_FINITE -> "the loss was no longer finite";
            case AT_THE_LAST_RATE -> "at the last rate; the loss never exceeded four times its least";
            case OF_THE_STREAM ->
                "the stream holds no more events: give --events " + curve.events() + " to reach the last rate";
        };
    }

    private static String advice(RateCurve curve) {
        OptionalDouble suggestion = curve.suggestion();
        if (suggestion.isEmpty()) {
            return "no suggestion: the loss did not fall; give a lower --from-rate, or more --events\n";
        }
        return """
               steepest fall of the loss            %s
               a tenth of the rate of least loss    %s
               take the smaller: rate %s
               """.formatted(rate(curve.steepest().orElseThrow()), rate(curve.tenthOfLeast().orElseThrow()),
                rate(suggestion.getAsDouble()));
    }

    /// Rounds to two digits, because no test of this kind is more precise.
    private static String rate(double rate) {
        return String.format(Locale.ROOT, "%.1e", rate);
    }

    private static JsonLine line(ModelSpec spec, RateCurve curve) {
        return new JsonLine().put("model", spec.model()).put("events", curve.events())
                .put("dead_letters", curve.deadLetters()).put("updates", curve.updates()).put("smoothing", curve.keep())
                .put("end", curve.end().name().toLowerCase(Locale.ROOT)).put("steepest_rate", number(curve.steepest()))
                .put("least_loss_rate", number(curve.least())).put("suggested_rate", number(curve.suggestion()))
                .put("points", curve.points().stream().filter(point -> Double.isFinite(point.loss()))
                        .map(point -> List.of(point.rate(), point.loss())).toList());
    }

    private static @Nullable Double number(OptionalDouble value) {
        return value.isPresent() ? value.getAsDouble() : null;
    }
}

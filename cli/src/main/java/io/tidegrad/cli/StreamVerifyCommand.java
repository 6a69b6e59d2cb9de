package io.tidegrad.cli;

import io.tidegrad.control.StreamOverview;
import io.tidegrad.control.StreamState;
import io.tidegrad.control.TrainerObserver;
import io.tidegrad.joiner.verify.StreamVerification;
import io.tidegrad.model.stream.Example;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import picocli.CommandLine;

/// `tidegrad verify --stream`.
final class StreamVerifyCommand {
    private static final long TELL_EVERY_NANOS = 5_000_000_000L;

    private StreamVerifyCommand() {}

    static int run(Settings settings, CommandLine line) {
        Topics topics = new Topics(settings.text(CommonSettings.PREFIX));
        StreamVerification.Result result;
        try (Admin admin = TrainerObserver.admin(settings.kafka());
                RecordDecoder decoder = RecordDecoder.of(settings.registry().client())) {
            StreamState.Epoch epoch = StreamOverview.read(settings.kafka(), topics, admin)
                    .epoch(SettingsCommand.stream(settings), SettingsCommand.epoch(settings));
            result = StreamVerification.run(StreamVerification.Options.of(settings.kafka(), topics, epoch), decoder,
                    admin, settings.flag(CliSettings.JSON) ? (pass, passes, records) -> {
                    } : telling(line.getErr()));
        } catch (SchemaRegistry.RegistryUnavailableException e) {
            throw StopException.from(e, settings.registry().shownUrl());
        }
        line.getOut().print(settings.flag(CliSettings.JSON) ? line(result) : text(result));
        return result.different() > 0 ? ExitCode.STATE_VIOLATION.status()
                : comparedNothing(result) ? ExitCode.RETRYABLE.status() : 0;
    }

    /// Whether no id could be compared, so that nothing is known of the examples.
    private static boolean comparedNothing(StreamVerification.Result result) {
        return result.different() == 0 && result.ids() == result.undecided();
    }

    /// Returns why no id could be compared.
    private static String whyNothing(StreamVerification.Result result) {
        return result.records() == 0 ? "the topics hold no record of events or labels"
                : result.unsettled() + result.lost() + result.undecided() == 0
                        ? "none of the " + result.records() + " records that the topics hold can be joined"
                        : "every id is left out: " + result.unsettled() + " that the joiner has not read yet, "
                                + result.lost() + " for retention, " + result.undecided() + " undecided";
    }

    /// Returns a listener that says every few seconds how far the command has come.
    private static StreamVerification.Listener telling(PrintWriter to) {
        long[] told = {System.nanoTime()};
        return (pass, passes, records) -> {
            if (System.nanoTime() - told[0] > TELL_EVERY_NANOS) {
                told[0] = System.nanoTime();
                to.println(String.format(Locale.ROOT, "pass %d of %d, %,d records read", pass, passes, records));
                to.flush();
            }
        };
    }

    static String text(StreamVerification.Result result) {
        Lines lines = new Lines().add("stream", "%s, epoch %d", result.stream(), result.epoch()).add("joined again",
                "%,d records of events and labels, %,d of which are dead letters%s", result.records(),
                result.rejected(), result.passes() == 1 ? ""
                        : ", read " + result.passes() + " times because the heap holds a part of them");
        lines.add("waits", "%s",
                result.taskTime() == null
                        ? "no tick among the examples tells which are over, so none was required to be"
                        : "those up to " + result.taskTime() + " are over");
        if (result.unsettled() > 0) {
            lines.add("left out", "%,d ids that have records which the joiner has not read yet", result.unsettled());
        }
        if (result.lost() > 0) {
            lines.add("left out", "%,d ids of which retention may have deleted records", result.lost());
        }
        if (result.undecided() > 0) {
            lines.add("left out", "%,d ids whose records have too many possible orders", result.undecided());
        }
        if (result.cut() > 0) {
            lines.add("examples", "those before offset %,d are deleted, and only later ones were compared",
                    result.cut());
        }
        if (result.late() > 0) {
            lines.add("read late", "%,d ids whose labels or events a task took later than `align` allows for",
                    result.late());
        }
        if (comparedNothing(result)) {
            return lines.add("nothing compared", "%s", whyNothing(result)).toString();
        }
        if (result.different() == 0) {
            return lines.add("equal", "%,d examples of %,d ids", result.examples(), result.ids()).toString();
        }
        lines.add("DIFFERENT", "%,d of %,d ids", result.different(), result.ids());
        for (StreamVerification.Difference difference : result.differences()) {
            lines.add("id", "%s", difference.id()).add("  found", "%s", words(difference.found())).add("  expected",
                    "%s", difference.altered() ? "the key, the value and the carried headers of the event"
                            : words(difference.expected()));
        }
        return lines.toString();
    }

    private static String words(List<Example> examples) {
        return examples.isEmpty() ? "no example"
                : examples.stream().map(StreamVerifyCommand::words).collect(Collectors.joining("; "));
    }

    /// `correction 0 -> 1 of payments:5:123456, weight 2.5`.
    private static String words(Example example) {
        return example.kind().code() + " "
                + (example.kind() == Example.Kind.CORRECTION
                        ? Table.cell(example.oldLabel()) + " -> " + Table.cell(example.label()) : example.label())
                + " of " + example.source() + (example.weight() == 1 ? "" : ", weight " + example.weight());
    }

    private static JsonLine line(StreamVerification.Result result) {
        return new JsonLine().put("stream", result.stream()).put("epoch", result.epoch())
                .put("equal", comparedNothing(result) ? null : result.different() == 0)
                .put("nothing_compared", comparedNothing(result) ? whyNothing(result) : null).put("ids", result.ids())
                .put("examples", result.examples()).put("records", result.records()).put("rejected", result.rejected())
                .put("late", result.late()).put("undecided", result.undecided()).put("unsettled", result.unsettled())
                .put("lost", result.lost()).put("examples_from", result.cut())
                .put("task_time", result.taskTime() == null ? null : result.taskTime().toString())
                .put("passes", result.passes()).put("different", result.different())
                .put("differences", result.differences().stream().map(difference -> new JsonLine()
                        .put("id", difference.id()).put("altered", difference.altered())
                        .put("found", difference.found().stream().map(StreamVerifyCommand::words).toList())
                        .put("expected", difference.expected().stream().map(StreamVerifyCommand::words).toList()))
                        .toList());
    }
}

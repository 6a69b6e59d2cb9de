package io.tidegrad.cli;

import io.tidegrad.control.ControlException;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.ModelData;
import io.tidegrad.control.Refusals;
import io.tidegrad.control.SpecFile;
import io.tidegrad.control.StreamAction;
import io.tidegrad.control.StreamDecisions;
import io.tidegrad.control.StreamOverview;
import io.tidegrad.control.StreamRecord;
import io.tidegrad.control.StreamState;
import io.tidegrad.control.TrainerObserver;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

/// The commands of `tidegrad streams`. A decision is written, and what changed is shown; joiners follow by themselves.
final class StreamsCommand {
    private static final int DECISIONS = 10; // the newest ones, in `show`

    private final Settings settings;
    private final StreamDecisions decisions;
    private final ModelData data;
    private final TrainerObserver observer;
    private final PrintWriter err;

    private StreamsCommand(Settings settings, Admin admin, Decisions.By author, PrintWriter err) {
        this.settings = settings;
        this.err = err;
        Topics topics = topics(settings);
        decisions = new StreamDecisions(settings.kafka(), topics, admin,
                (short) settings.numberIfGiven(CommonSettings.REPLICATION).orElse(-1), author);
        data = new ModelData(topics, admin);
        observer = new TrainerObserver(settings.kafka(), topics, admin);
    }

    /// What a decision changed.
    ///
    /// @param more names and values that only this command has
    private record Outcome(StreamRecord record, StreamState before, StreamState after, Map<String, Object> more) {
    }

    static CommandLine group() {
        return CommandGroup.of("streams", "The streams that join events and labels, and what people decide about them.",
                SettingsCommand.reading(CliSettings.STREAMS_LIST, StreamsCommand::list),
                SettingsCommand.reading(CliSettings.STREAMS_SHOW, StreamsCommand::show),
                command(CliSettings.STREAMS_CREATE, StreamsCommand::create),
                command(CliSettings.STREAMS_PAUSE, desk -> desk.decided(desk.decisions.pause(desk.stream()))),
                command(CliSettings.STREAMS_RESUME, desk -> desk.decided(desk.decisions.resume(desk.stream()))),
                command(CliSettings.STREAMS_DELETE, StreamsCommand::delete));
    }

    private static Topics topics(Settings settings) {
        return new Topics(settings.text(CommonSettings.PREFIX));
    }

    private static CommandLine command(Command command, Function<StreamsCommand, Outcome> decide) {
        return SettingsCommand.reading(command, (settings, line) -> {
            Decisions.By author = ModelDecision.author(settings);
            if (command.has(CliSettings.FROM)) {
                checkFrom(settings);
            }
            settings.refuseMistakes();
            Outcome outcome;
            try (Admin admin = TrainerObserver.admin(settings.kafka())) {
                outcome = decide.apply(new StreamsCommand(settings, admin, author, line.getErr()));
            }
            line.getOut().print(settings.flag(CliSettings.JSON) ? line(outcome) : text(outcome));
            return 0;
        });
    }

    private static void checkFrom(Settings settings) {
        String from = settings.text(CliSettings.FROM);
        if (from.matches("[0-9]+") || from.startsWith("snapshot:")) {
            settings.problem("--from: expected begin, or a time such as 2026-01-31T12:00:00Z, found '" + from
                    + "': an offset means another place in each partition");
        }
    }

    private String stream() {
        return SettingsCommand.stream(settings);
    }

    private Outcome decided(StreamDecisions.Decided decided) {
        return new Outcome(decided.record(), decided.before(), decided.after(), Map.of());
    }

    private StreamSpec known(StreamSpec spec) {
        RegistrySettings registry = settings.registry();
        if (registry.url().isEmpty()) {
            return spec;
        }
        try (SchemaRegistry client = SchemaRegistry.connect(registry.client())) {
            return decisions.known(spec, client);
        } catch (SchemaRegistry.RegistryUnavailableException e) {
            throw StopException.from(e, registry.shownUrl());
        }
    }

    private Outcome create() {
        StreamSpec spec = known(SpecFile.readStream(Path.of(settings.list(CommonSettings.SPEC).getFirst())));
        String from = settings.text(CliSettings.FROM);
        StreamDecisions.Decided decided = decisions.create(spec,
                from.isEmpty() || from.equals("begin") ? null : OffsetDateTime.parse(from).toInstant());
        StreamState.Epoch epoch = decided.after().epochs().getLast();
        Map<String, Object> more = new LinkedHashMap<>();
        more.put("examples", topics(settings).examples(spec.stream(), epoch.number()));
        more.put("events", words(epoch.create().events()));
        StreamAction.Source labels = epoch.create().labels();
        more.put("labels", labels == null ? "in the events" : words(labels));
        StreamState.Epoch before = decided.before().epoch(epoch.number());
        if (before != null) {
            more.put("changed", changes(before.spec(), epoch.spec()));
        }
        return new Outcome(decided.record(), decided.before(), decided.after(), more);
    }

    private static String changes(StreamSpec before, StreamSpec after) {
        List<String> changes = new ArrayList<>();
        if (!before.align().equals(after.align())) {
            changes.add("align " + before.align() + " -> " + after.align());
        }
        if (!before.retention().equals(after.retention())) {
            changes.add("examples.retention " + before.retention() + " -> " + after.retention());
        }
        return String.join(", ", changes);
    }

    private Outcome delete() {
        String stream = stream();
        OptionalInt epoch = SettingsCommand.epoch(settings);
        // If an earlier command could not delete everything, the rest is deleted now.
        StreamDecisions.Decided last = decisions.last(stream);
        StreamState known = last.after();
        boolean decidedBefore = epoch.isEmpty() ? !known.exists()
                : epoch.getAsInt() <= known.last() && known.epoch(epoch.getAsInt()) == null;
        StreamDecisions.Decided deletion = decidedBefore ? last : decisions.delete(stream, epoch);
        List<String> deleted = new ArrayList<>();
        if (!settings.flag(CliSettings.KEEP_DATA)) {
            // Not what epochs left that were deleted one by one: their data may have been kept on purpose.
            List<Integer> ended = epoch.isPresent() ? List.of(epoch.getAsInt())
                    : deletion.before().epochs().stream().map(StreamState.Epoch::number).toList();
            for (int each : ended) {
                // If one still has it then, the deletion is refused.
                Duration timeout = Duration.ofSeconds(settings.number(CliSettings.TIMEOUT));
                SettingsCommand.waiting(settings, err, timeout, "joiners to leave epoch " + each,
                        () -> observer.awaitNoJoiner(stream, each, timeout));
                deleted.addAll(data.deleteOfStream(stream, each));
            }
        }
        return new Outcome(deletion.record(), decidedBefore ? known : deletion.before(), deletion.after(),
                Map.of("deleted", settings.flag(CliSettings.KEEP_DATA) ? "nothing: kept on request"
                        : deleted.isEmpty() ? "nothing" : String.join(", ", deleted)));
    }

    /// `payments (x9GzQ0vYTxGkYkqk0V2b0A), 6 partitions`.
    private static String words(StreamAction.Source source) {
        return source.topic() + " (" + source.id() + "), " + source.partitions()
                + (source.partitions() == 1 ? " partition" : " partitions");
    }

    /// `live`, `paused`, `deleted`.
    private static String stage(StreamState state) {
        return !state.exists() ? state.last() == 0 ? "none" : "deleted" : state.paused() ? "paused" : "live";
    }

    private static String epochs(StreamState state) {
        return state.exists()
                ? state.epochs().stream().map(each -> Integer.toString(each.number())).collect(Collectors.joining(", "))
                : "none";
    }

    private static String change(Outcome outcome, Function<StreamState, String> of) {
        String before = of.apply(outcome.before());
        String after = of.apply(outcome.after());
        return before.equals(after) ? after : before + " -> " + after;
    }

    private static String text(Outcome outcome) {
        StreamRecord record = outcome.record();
        Lines lines = new Lines()
                .add("stream", "%s: %s at %s by %s%s", record.stream(), record.action().word(),
                        Instant.ofEpochMilli(record.time()), record.author(),
                        record.reason().isEmpty() ? "" : ": " + record.reason())
                .add("stage", "%s", change(outcome, StreamsCommand::stage))
                .add("epochs", "%s", change(outcome, StreamsCommand::epochs));
        outcome.more().forEach((name, value) -> lines.add(name, "%s", value));
        return lines.toString();
    }

    private static JsonLine line(Outcome outcome) {
        StreamRecord record = outcome.record();
        return new JsonLine().put("stream", record.stream()).put("action", record.action().word())
                .put("time", Instant.ofEpochMilli(record.time()).toString()).put("author", record.author())
                .put("reason", record.reason()).put("stage", stage(outcome.after()))
                .put("epochs", outcome.after().epochs().stream().map(StreamState.Epoch::number).toList())
                .putAll(outcome.more());
    }

    private static StreamOverview read(Settings settings, Admin admin) {
        return StreamOverview.read(settings.kafka(), topics(settings), admin);
    }

    static int list(Settings settings, CommandLine line) {
        settings.refuseMistakes();
        List<StreamOverview.Entry> entries;
        try (Admin admin = TrainerObserver.admin(settings.kafka())) {
            entries = read(settings, admin).entries(settings.list(CommonSettings.STREAM));
        }
        if (settings.flag(CliSettings.JSON)) {
            entries.forEach(entry -> line.getOut().print(line(entry)));
        } else {
            line.getOut().print(table(entries));
        }
        return 0;
    }

    private static String table(List<StreamOverview.Entry> entries) {
        if (entries.isEmpty()) {
            return "no streams; create one: tidegrad streams create --spec FILE" + System.lineSeparator();
        }
        Table table = new Table("stream", "stage", "epoch", "offsets").leftAfter("events").leftAfter("labels")
                .leftAfter("models");
        StringBuilder troubles = new StringBuilder();
        for (StreamOverview.Entry entry : entries) {
            StreamAction.Create create = entry.current().epoch().create();
            StreamAction.Source labels = create.labels();
            table.add(entry.state().stream(), stage(entry.state()), entry.current().epoch().number(),
                    entry.current().examples() < 0 ? null : entry.current().examples(), create.events().topic(),
                    labels == null ? null : labels.topic(),
                    entry.epochs().stream().flatMap(epoch -> epoch.models().stream()).map(ModelRecord::getModel)
                            .sorted().collect(Collectors.joining(", ")));
            for (String trouble : troubles(entry)) {
                troubles.append(entry.state().stream()).append(": ").append(trouble).append('\n');
            }
        }
        return table + (troubles.isEmpty() ? "" : "\n" + troubles);
    }

    /// Returns what has become of a stream's topics, in sentences for people.
    private static List<String> troubles(StreamOverview.Entry entry) {
        List<String> troubles = new ArrayList<>();
        for (StreamOverview.EpochEntry epoch : entry.epochs()) {
            for (Refusals.Refusal changed : epoch.changed()) {
                troubles.add("epoch %d, %s: expected %s, found %s; %s".formatted(epoch.epoch().number(),
                        changed.where(), changed.expected(), changed.found(), changed.remedy()));
            }
        }
        return troubles;
    }

    private static JsonLine line(StreamOverview.Entry entry) {
        return new JsonLine().put("stream", entry.state().stream()).put("stage", stage(entry.state()))
                .put("epoch", entry.current().epoch().number())
                .put("epochs", entry.epochs().stream().map(StreamsCommand::line).toList())
                .put("troubles", troubles(entry));
    }

    private static JsonLine line(StreamOverview.EpochEntry epoch) {
        StreamAction.Create create = epoch.epoch().create();
        Instant from = create.from();
        return new JsonLine().put("epoch", epoch.epoch().number())
                .put("since", Instant.ofEpochMilli(epoch.epoch().since()).toString())
                .put("from", from == null ? null : from.toString()).put("topic", epoch.topic())
                .put("topic_id", create.examplesId()).put("offsets", epoch.examples() < 0 ? null : epoch.examples())
                .put("events", line(create.events())).put("labels", line(create.labels()))
                .put("joiner_threads", epoch.threads()).put("unread", epoch.unread())
                .put("models", epoch.models().stream().map(ModelRecord::getModel).toList());
    }

    private static @Nullable JsonLine line(StreamAction.@Nullable Source source) {
        return source == null ? null : new JsonLine().put("topic", source.topic()).put("topic_id", source.id())
                .put("partitions", source.partitions());
    }

    static int show(Settings settings, CommandLine line) {
        settings.refuseMistakes();
        String stream = SettingsCommand.stream(settings);
        StreamOverview.Entry entry;
        List<StreamRecord> decisions;
        try (Admin admin = TrainerObserver.admin(settings.kafka())) {
            StreamOverview overview = read(settings, admin);
            entry = overview.entries(List.of(stream)).getFirst();
            decisions = overview.decisions(stream);
        }
        decisions = decisions.subList(Math.max(0, decisions.size() - DECISIONS), decisions.size());
        line.getOut().print(settings.flag(CliSettings.JSON) ? shown(entry, decisions) : text(entry, decisions));
        return 0;
    }

    private static JsonLine shown(StreamOverview.Entry entry, List<StreamRecord> decisions) {
        return line(entry)
                .put("decisions", decisions.stream()
                        .map(record -> new JsonLine().put("time", Instant.ofEpochMilli(record.time()).toString())
                                .put("action", record.action().word()).put("what", what(record.action()))
                                .put("author", record.author()).put("reason", record.reason()))
                        .toList())
                .put("spec_fingerprint", fingerprint(entry)).put("spec", entry.current().epoch().create().spec());
    }

    private static @Nullable String fingerprint(StreamOverview.Entry entry) {
        try {
            return HexFormat.of().formatHex(entry.current().epoch().spec().fingerprint());
        } catch (ControlException ofANewerBuild) {
            return null;
        }
    }

    private static String joined(StreamOverview.EpochEntry epoch) {
        return (epoch.threads() == 0 ? "no joiner runs"
                : "joined by " + epoch.threads() + (epoch.threads() == 1 ? " thread" : " threads"))
                + (epoch.unread() == 0 ? ", all is read" : String.format(Locale.ROOT,
                        ", %,d offsets of events and labels are not read", epoch.unread()));
    }

    private static String text(StreamOverview.Entry entry, List<StreamRecord> decisions) {
        StreamOverview.EpochEntry current = entry.current();
        StreamAction.Create create = current.epoch().create();
        StreamAction.Source labels = create.labels();
        Lines lines = new Lines()
                .add("stream", "%s, %s, epoch %d since %s", entry.state().stream(), stage(entry.state()),
                        current.epoch().number(), Instant.ofEpochMilli(current.epoch().since()))
                .add("spec", "%s", Table.cell(fingerprint(entry))).add("events", "%s", words(create.events()))
                .add("labels", "%s", labels == null ? "in the events" : words(labels));
        for (StreamOverview.EpochEntry epoch : entry.epochs()) {
            Instant from = epoch.epoch().create().from();
            lines.add("epoch " + epoch.epoch().number(), "%s, %s%s; %s; models: %s", epoch.topic(),
                    epoch.examples() < 0 ? "which is gone"
                            : String.format(Locale.ROOT, "%,d offsets", epoch.examples()),
                    from == null ? "" : ", of records from " + from + " on", joined(epoch),
                    epoch.models().isEmpty() ? "none"
                            : epoch.models().stream()
                                    .map(model -> model.getModel() + " (" + ModelsListing.stage(model) + ")")
                                    .collect(Collectors.joining(", ")));
        }
        for (String trouble : troubles(entry)) {
            lines.add("trouble", "%s", trouble);
        }
        for (StreamRecord record : decisions) {
            lines.add("decided", "%s  %-8s  %s", Instant.ofEpochMilli(record.time()), record.action().word(),
                    Stream.of(what(record.action()), record.author(), record.reason()).filter(text -> !text.isEmpty())
                            .collect(Collectors.joining("; ")));
        }
        return lines.toString();
    }

    /// Returns what an action changes, for people.
    private static String what(StreamAction action) {
        return switch (action) {
            case StreamAction.Create create -> "epoch " + create.epoch();
            case StreamAction.Pause pause -> "";
            case StreamAction.Resume resume -> "";
            case StreamAction.Delete delete -> delete.epoch() == 0 ? "all epochs" : "epoch " + delete.epoch();
        };
    }
}

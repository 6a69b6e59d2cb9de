package io.tidegrad.schemas.settings;

import static io.tidegrad.schemas.settings.Command.EXPORT;
import static io.tidegrad.schemas.settings.Command.LR_FIND;
import static io.tidegrad.schemas.settings.Command.REPLAY;
import static io.tidegrad.schemas.settings.Command.SCORER;
import static io.tidegrad.schemas.settings.Command.TRAINER;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Every setting of every command, once: what `--help`, the reader and the operator's table know. One environment or one
/// file may therefore serve several commands; each takes what is its own.
public enum Setting {
    BOOTSTRAP_SERVERS(
            "bootstrap-servers",
            "HOST:PORT",
            new Form.Addresses(),
            "where Kafka is; several separated by commas",
            Default.NONE,
            Set.of(TRAINER, SCORER, REPLAY, EXPORT, LR_FIND),
            Set.of(TRAINER, SCORER, REPLAY, EXPORT)),
    REGISTRY_URL(
            "registry-url",
            "URL",
            new Form.Text("base of the schema registry's Confluent REST API"),
            "base of the schema registry's Confluent REST API",
            Default.NONE,
            Set.of(TRAINER, REPLAY, LR_FIND),
            Set.of(TRAINER, REPLAY)),
    SPEC(
            "spec",
            "FILE",
            new Form.Many(new Form.Text("a file")),
            "a model to learn; repeat for more (lr-find: one)",
            Default.NONE,
            Set.of(TRAINER, LR_FIND),
            Set.of()),
    MODEL(
            "model",
            "NAME",
            new Form.Many(new Form.Name()),
            "a registered model; repeat for more (replay, export: one)",
            Default.NONE,
            Set.of(TRAINER, SCORER, REPLAY, EXPORT),
            Set.of(SCORER, REPLAY, EXPORT)),
    VERSION(
            "version",
            "N",
            new Form.Number(0, Long.MAX_VALUE),
            "of the model, one that is still on the snapshots topic",
            Default.told("the newest"),
            Set.of(EXPORT),
            Set.of()),
    TO(
            "to",
            "FILE",
            new Form.Text("a file"),
            "to write, or to write anew; its name ends in .onnx or .safetensors",
            Default.NONE,
            Set.of(EXPORT),
            Set.of(EXPORT)),
    STATE_DIR(
            "state-dir",
            "DIR",
            new Form.Text("a directory"),
            "identity of this instance; nothing of a model is kept there",
            Default.NONE,
            Set.of(TRAINER),
            Set.of(TRAINER)),
    PREFIX(
            "prefix",
            "PREFIX",
            new Form.Name(),
            "of Tidegrad's topics and application ids",
            Default.value("tidegrad"),
            Set.of(TRAINER, SCORER, REPLAY, EXPORT),
            Set.of()),
    HTTP_HOST(
            "http-host",
            "HOST",
            new Form.Text("an address to bind"),
            "address to bind; nothing asks for a password there",
            Default.value("127.0.0.1"),
            Set.of(TRAINER, SCORER),
            Set.of()),
    HTTP_PORT(
            "http-port",
            "PORT",
            new Form.Number(0, 65_535),
            "0 for any free one; the line printed at the start says which",
            Default.value("8080"),
            Set.of(TRAINER, SCORER),
            Set.of()),
    KEEP_SNAPSHOTS(
            "keep-snapshots",
            "N",
            new Form.Number(1, 1_000_000),
            "newest snapshots that stay on the topic",
            Default.value("5"),
            Set.of(TRAINER),
            Set.of()),
    REPLICATION(
            "replication",
            "N",
            new Form.Number(1, Short.MAX_VALUE),
            "of topics that are created",
            Default.told("the broker's"),
            Set.of(TRAINER),
            Set.of()),
    MAX_BODY_BYTES(
            "max-body-bytes",
            "N",
            new Form.Number(1, 1 << 30),
            "larger requests are answered 413",
            Default.value("1048576"),
            Set.of(SCORER),
            Set.of()),
    MAX_CONNECTIONS(
            "max-connections",
            "N",
            new Form.Number(1, 1_000_000),
            "open at once; further ones wait to be accepted",
            Default.value("1024"),
            Set.of(SCORER),
            Set.of()),
    MAX_SNAPSHOT_BYTES(
            "max-snapshot-bytes",
            "N",
            new Form.Number(1, Long.MAX_VALUE),
            "larger models are refused",
            Default.told("a quarter of the heap"),
            Set.of(SCORER, EXPORT),
            Set.of()),
    UNKNOWN_FIELDS(
            "unknown-fields",
            "MODE",
            new Form.Choice(List.of("refuse", "ignore")),
            "refuse or ignore fields that no feature reads",
            Default.value("refuse"),
            Set.of(SCORER),
            Set.of()),
    UNTIL(
            "until",
            "OFFSET",
            new Form.Number(0, Long.MAX_VALUE),
            "of the events topic, to stop before",
            Default.told("its end at the start"),
            Set.of(REPLAY),
            Set.of()),
    STREAM(
            "stream",
            "NAME",
            new Form.Choice(List.of("flights", "digits")),
            "a stream that ships with Tidegrad, in place of a topic: flights or digits",
            Default.NONE,
            Set.of(LR_FIND),
            Set.of()),
    FROM_RATE(
            "from-rate",
            "RATE",
            new Form.Decimal(),
            "the learning rate of the first update",
            Default.value("1e-6"),
            Set.of(LR_FIND),
            Set.of()),
    TO_RATE(
            "to-rate",
            "RATE",
            new Form.Decimal(),
            "the learning rate of the last update, if the loss allows",
            Default.value("10"),
            Set.of(LR_FIND),
            Set.of()),
    EVENTS(
            "events",
            "N",
            new Form.Number(1, 1_000_000_000),
            "from the first to the last rate",
            Default.told("10000, or what there is"),
            Set.of(LR_FIND),
            Set.of()),
    PLOT(
            "plot",
            "FILE",
            new Form.Text("a file"),
            "draw loss against rate into it (SVG)",
            Default.NONE,
            Set.of(LR_FIND),
            Set.of()),
    JSON(
            "json",
            "",
            new Form.Flag(),
            "print the result as one line of JSON",
            Default.NONE,
            Set.of(REPLAY, LR_FIND),
            Set.of()),
    KAFKA(
            "kafka.KEY",
            "VALUE",
            new Form.Text("a value"),
            "a setting of Kafka's clients (TLS, SASL, ...), for every client",
            Default.NONE,
            Set.of(TRAINER, SCORER, REPLAY, EXPORT, LR_FIND),
            Set.of()),
    REGISTRY(
            "registry.KEY",
            "VALUE",
            new Form.Text("a value"),
            "a setting of the registry's client (basic authentication, time-outs)",
            Default.NONE,
            Set.of(TRAINER, REPLAY, LR_FIND),
            Set.of()),
    CONFIG(
            "config",
            "FILE",
            new Form.Text("a file"),
            "properties with these names; not from within a file",
            Default.NONE,
            Set.of(TRAINER, SCORER, REPLAY, EXPORT, LR_FIND),
            Set.of());

    private final String key;
    private final String placeholder;
    private final Form form;
    private final String meaning;
    private final Default byDefault;
    private final Set<Command> commands;
    private final Set<Command> required;

    Setting(
            String key,
            String placeholder,
            Form form,
            String meaning,
            Default byDefault,
            Set<Command> commands,
            Set<Command> required) {
        this.key = key;
        this.placeholder = placeholder;
        this.form = form;
        this.meaning = meaning;
        this.byDefault = byDefault;
        this.commands = commands;
        this.required = required;
    }

    /// What stands where nothing is given: a value, or only words for what the command does then.
    private record Default(@Nullable String value, String told) {
        static final Default NONE = told("");

        static Default value(String value) {
            return new Default(value, value);
        }

        static Default told(String words) {
            return new Default(null, words);
        }
    }

    static @Nullable Setting named(String key) {
        for (Setting setting : values()) {
            if (setting.key.equals(key)) {
                return setting;
            }
        }
        return null;
    }

    /// `http-port`; of the two families of pass-through settings `kafka.KEY`, `registry.KEY`.
    public String key() {
        return key;
    }

    /// As on the command line: `--http-port PORT`.
    public String usage() {
        return placeholder.isEmpty() ? "--" + key : "--" + key + " " + placeholder;
    }

    public String meaning() {
        return meaning;
    }

    /// For people: the default's value, or words for what happens; empty when there is none.
    public String otherwise() {
        return byDefault.told();
    }

    public boolean isOf(Command command) {
        return commands.contains(command);
    }

    public boolean isRequiredBy(Command command) {
        return required.contains(command);
    }

    Form form() {
        return form;
    }

    @Nullable String defaultValue() {
        return byDefault.value();
    }

    /// Commands that have it, for people: `trainer, replay`.
    public String commands() {
        StringBuilder words = new StringBuilder();
        for (Command command : Command.values()) {
            if (isOf(command)) {
                words.append(words.isEmpty() ? "" : ", ").append(command.word());
            }
        }
        return words.toString();
    }
}

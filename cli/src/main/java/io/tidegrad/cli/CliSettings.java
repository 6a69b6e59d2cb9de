package io.tidegrad.cli;

import io.tidegrad.ops.settings.Form;
import io.tidegrad.ops.settings.Setting;
import java.util.List;

/// Settings that only commands of the command line have; those that trainer and scorer have too are declared there.
final class CliSettings {
    static final Setting VERSION = Setting.of("version", "N", new Form.Number(0, Long.MAX_VALUE),
            "a version of the model that is still on the snapshots topic").otherwise("the newest");
    static final Setting EPOCH =
            Setting.of("epoch", "N", new Form.Number(1, Integer.MAX_VALUE), "the epoch of --version")
                    .otherwise("the newest epoch that has the version");
    static final Setting RESUME_AT = Setting.of("resume-at", "WHERE", new Form.Place(List.of("base", "end"), false),
            "where learning goes on: base (the version), end, an offset or a time").withDefault("end");
    static final Setting START_AT = Setting.of("start-at", "WHERE", new Form.Place(List.of("begin", "end"), false),
            "where learning starts: begin or end of the log, an offset or a time").withDefault("begin");
    static final Setting FOR =
            Setting.of("for", "NAME", new Form.Name(), "name of the model whose requests this one answers or scores")
                    .otherwise("the model's own");
    static final Setting SHARE = Setting.of("share", "PERCENT", new Form.Percent(),
            "share of the keys that the challenger answers for, from 0.01 to 100 percent");
    static final Setting KEEP_DATA =
            Setting.of("keep-data", "", new Form.Flag(), "keep the model's snapshots, changelogs and consumer groups");
    static final Setting REASON = Setting.of("reason", "TEXT", new Form.Text("a text"),
            "the reason, which the control topic keeps with the decision");
    static final Setting AUTHOR = Setting.of("author", "NAME", new Form.Text("a name"),
            "who decides, which the control topic keeps with the decision").otherwise("user@host");
    static final Setting TIMEOUT = Setting.of("timeout", "SECONDS", new Form.Number(0, 86_400),
            "how long to wait until a trainer, and where needed scorers, follow").withDefault("60");
    static final Setting WAIT = Setting.of("wait", "", new Form.Flag(),
            "wait for the scorers too, and exit with 75 if one does not follow; always on a terminal");
    static final Setting TO = Setting.of("to", "FILE", new Form.Text("a file"),
            "file to write or replace; its name ends in .onnx, .safetensors or .snapshot");
    static final Setting FROM = Setting.of("from", "WHERE", new Form.Place(List.of("begin"), true),
            "where to begin: begin, an offset, a time, or snapshot:N").otherwise("where the model began");
    static final Setting UNTIL = Setting.of("until", "WHERE", new Form.Place(List.of("end", "live"), false),
            "where to stop: an offset, a time, end, or never (live)").otherwise("the log's end at the start");
    static final Setting WITH_SPEC = Setting.of("with-spec", "FILE", new Form.Text("a file"),
            "file of a spec to use instead of the registered one");
    static final Setting AS = Setting.of("as", "NAME", new Form.Name(),
            "replay: keep the result as a model of this name; verify: compare a renamed copy");
    static final Setting COMPARE = Setting.of("compare", "NAME", new Form.Name(),
            "a registered model to compare with, which learns the same events");
    static final Setting OFFSET = Setting.of("offset", "OFFSET", new Form.Number(0, Long.MAX_VALUE),
            "rebuild the model that has learned everything before this offset of the events topic");
    static final Setting TIME = Setting.of("time", "TIME", new Form.Place(List.of(), false),
            "rebuild the model that has learned every record before this time");
    static final Setting OUT = Setting.of("out", "FILE", new Form.Text("a file"),
            "file to write (.tidegrad, .onnx or .safetensors); of replay the weights of --from snapshot:N");
    static final Setting STREAM = Setting.of("stream", "NAME", new Form.Choice(List.of("flights", "digits")),
            "learn a stream that ships with Tidegrad instead of a topic");
    static final Setting FROM_RATE = Setting
            .of("from-rate", "RATE", new Form.Decimal(), "learning rate of the first update").withDefault("1e-6");
    static final Setting TO_RATE = Setting
            .of("to-rate", "RATE", new Form.Decimal(),
                    "learning rate of the last update, unless an exploding loss ends the test earlier")
            .withDefault("10");
    static final Setting EVENTS = Setting.of("events", "N", new Form.Number(1, 1_000_000_000),
            "number of events between the first and the last rate").otherwise("10000, or what there is");
    static final Setting PLOT =
            Setting.of("plot", "FILE", new Form.Text("a file"), "file for a plot of loss against rate (SVG)");
    static final Setting JSON = Setting.of("json", "", new Form.Flag(), "print the result as one line of JSON");

    private CliSettings() {}
}

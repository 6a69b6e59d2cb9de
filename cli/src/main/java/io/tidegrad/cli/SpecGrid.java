package io.tidegrad.cli;

import io.tidegrad.control.SpecFile;
import io.tidegrad.control.suggestion.SpecSuggestion;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.replay.backtest.Backtest;
import io.tidegrad.replay.backtest.DataFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Dump;
import org.snakeyaml.engine.v2.api.DumpSettings;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/// Specs with some of their values replaced: every combination of the values of `--grid`.
final class SpecGrid {
    private static final int TRIALS_MAX = 100;

    /// A value for a key.
    private record Change(String key, String value) {
    }

    private SpecGrid() {}

    /// @param data that is learned; features: auto is made of it
    /// @param grid `KEY=VALUE` and, behind it, other values of the same key
    /// @param others how many trials there are beside these
    /// @throws CommandException a grid says no key, or there are too many combinations
    static List<Backtest.Trial> trials(List<Path> files, List<String> grid, Path data, int others) {
        List<List<Change>> combinations = combinations(grid);
        int all = combinations.size() * files.size() + others;
        if (all > TRIALS_MAX) {
            throw new CommandException(
                    "--grid: expected at most " + TRIALS_MAX + " models, found " + all + "; try fewer values at once");
        }
        List<Backtest.Trial> trials = new ArrayList<>();
        for (Path file : files) {
            ModelSpec read = SpecFile.read(file);
            ModelSpec spec = read.isOpen() ? SpecSuggestion.complete(read, DataFile.sample(data)) : read;
            String name = files.size() == 1 && !grid.isEmpty() ? "" : String.valueOf(file.getFileName());
            for (List<Change> changes : combinations) {
                StringBuilder trial = new StringBuilder(name);
                changes.forEach(change -> trial.append(trial.isEmpty() ? "" : " ").append(change.key).append('=')
                        .append(change.value));
                trials.add(new Backtest.Trial(trial.toString(), changes.isEmpty() ? spec
                        : SpecFile.parse(changed(spec.yaml(), changes), file + " with " + trial)));
            }
        }
        return trials;
    }

    private static List<List<Change>> combinations(List<String> grid) {
        Map<String, List<Change>> byKey = new LinkedHashMap<>();
        String key = "";
        for (String given : grid) {
            int equals = given.indexOf('=');
            key = equals < 0 ? key : given.substring(0, equals).strip();
            if (key.isEmpty()) {
                throw new CommandException(
                        "--grid: expected KEY=VALUE,VALUE such as optimizer.rate=0.001,0.01, found '" + given + "'");
            }
            byKey.computeIfAbsent(key, unused -> new ArrayList<>())
                    .add(new Change(key, given.substring(equals + 1).strip()));
        }
        List<List<Change>> combinations = List.of(List.of());
        for (List<Change> values : byKey.values()) {
            List<List<Change>> longer = new ArrayList<>();
            for (List<Change> before : combinations) {
                for (Change value : values) {
                    List<Change> with = new ArrayList<>(before);
                    with.add(value);
                    longer.add(with);
                }
            }
            combinations = longer;
        }
        return combinations;
    }

    private static String changed(String yaml, List<Change> changes) {
        Object tree = load(yaml);
        for (Change change : changes) {
            set(tree, List.of(change.key.split("\\.", -1)), value(change.value));
        }
        return dumped(tree);
    }

    static String dumped(Object tree) {
        return new Dump(DumpSettings.builder().build()).dumpToString(tree);
    }

    /// The tree of a text that is not empty.
    static Object load(String yaml) {
        return Objects.requireNonNull(value(yaml));
    }

    private static @Nullable Object value(String yaml) {
        return new Load(LoadSettings.builder().build()).loadFromString(yaml);
    }

    /// Names of kinds may be left out: `optimizer.rate` is `optimizer.adam.rate` where the optimizer is Adam.
    @SuppressWarnings("unchecked")
    private static void set(Object node, List<String> path, @Nullable Object value) {
        String key = path.getFirst();
        List<String> rest = path.subList(1, path.size());
        if (node instanceof List<?> list && key.matches("[0-9]{1,4}") && Integer.parseInt(key) < list.size()) {
            int index = Integer.parseInt(key);
            if (rest.isEmpty()) {
                ((List<@Nullable Object>) list).set(index, value);
            } else {
                set(Objects.requireNonNull(list.get(index)), rest, value);
            }
        } else if (node instanceof Map<?, ?> map) {
            Object only = map.size() == 1 ? map.values().iterator().next() : null;
            if (!map.containsKey(key) && only instanceof Map<?, ?>) {
                set(only, path, value);
            } else if (rest.isEmpty()) {
                ((Map<Object, @Nullable Object>) map).put(key, value);
            } else {
                set(((Map<Object, Object>) map).computeIfAbsent(key, unused -> new LinkedHashMap<>()), rest, value);
            }
        } else {
            throw new CommandException(
                    "--grid: expected a key of the spec such as optimizer.rate or network.0.dense, found " + "no '"
                            + String.join(".", path) + "' in '" + node + "'");
        }
    }
}

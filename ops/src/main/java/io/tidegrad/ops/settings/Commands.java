package io.tidegrad.ops.settings;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The commands that one environment or one file may serve. A reader takes its own command's settings from it, passes
/// over those that only others have, and refuses names that no command knows.
///
/// @param all in the order in which people read about them
public record Commands(List<Command> all) {
    /// @throws IllegalArgumentException two commands declare one setting differently
    public Commands {
        all = List.copyOf(all);
        Map<String, Setting> declared = new LinkedHashMap<>();
        for (Command command : all) {
            for (Setting.Use use : command.uses()) {
                Setting before = declared.putIfAbsent(use.setting().key(), use.setting());
                if (before != null && !before.equals(use.setting())) {
                    throw new IllegalArgumentException("expected one declaration of the setting " + before.key()
                            + ", found another in the command " + command.word());
                }
            }
        }
    }

    public static Commands of(Command... commands) {
        return new Commands(List.of(commands));
    }

    /// Each once, in the order of the commands.
    public List<Setting> settings() {
        return all.stream().flatMap(command -> command.uses().stream()).map(Setting.Use::setting).distinct().toList();
    }

    @Nullable
    Setting named(String key) {
        return settings().stream().filter(setting -> setting.key().equals(key)).findFirst().orElse(null);
    }

    /// Those that have a setting, for people: `trainer, replay`.
    public String having(Setting setting) {
        return words(command -> command.has(setting));
    }

    /// For people: `trainer, replay, models (pause, resume)`; of a family all of whose commands are chosen, only its
    /// name.
    public String words(Predicate<Command> chosen) {
        Map<String, List<Command>> families =
                all.stream().collect(Collectors.groupingBy(Command::family, LinkedHashMap::new, Collectors.toList()));
        List<String> words = new ArrayList<>();
        families.forEach((family, members) -> {
            List<Command> there = members.stream().filter(chosen).toList();
            List<Command> absent = members.stream().filter(chosen.negate()).toList();
            if (absent.isEmpty()) {
                words.add(family);
            } else if (there.size() == 1) {
                words.add(there.getFirst().word());
            } else if (there.size() > absent.size()) {
                words.add(family + " (all but " + lastWords(absent) + ")");
            } else if (!there.isEmpty()) {
                words.add(family + " (" + lastWords(there) + ")");
            }
        });
        return String.join(", ", words);
    }

    private static String lastWords(List<Command> commands) {
        return commands.stream().map(command -> command.word().substring(command.family().length() + 1))
                .collect(Collectors.joining(", "));
    }
}

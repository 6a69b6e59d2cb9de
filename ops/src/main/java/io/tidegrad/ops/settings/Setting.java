package io.tidegrad.ops.settings;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A setting, declared once, by the program that reads it. `--help`, [Settings] (the reader) and `docs/settings.md` are
/// made from the declarations.
///
/// @param key `http-port`; of the two families of pass-through settings `kafka.KEY`, `registry.KEY`
/// @param placeholder for a value; empty for a flag
/// @param form what a value must look like
/// @param meaning for people
/// @param defaultValue null when there is none
/// @param otherwise for people: the default's value, or words for what happens; empty when there is none
public record Setting(String key, String placeholder, Form form, String meaning, @Nullable String defaultValue,
        String otherwise) {
    public static Setting of(String key, String placeholder, Form form, String meaning) {
        return new Setting(key, placeholder, form, meaning, null, "");
    }

    public Setting withDefault(String value) {
        return new Setting(key, placeholder, form, meaning, value, value);
    }

    /// Where nothing is given and the command decides what to do then.
    ///
    /// @param words for what it does
    public Setting otherwise(String words) {
        return new Setting(key, placeholder, form, meaning, null, words);
    }

    /// As on the command line: `--http-port PORT`.
    public String usage() {
        return placeholder.isEmpty() ? "--" + key : "--" + key + " " + placeholder;
    }

    /// A setting as one command has it.
    ///
    /// @param required whether the command refuses to run without it
    /// @param meaning for this command, where that is less than for all of them
    /// @param standsFirst whether its value may be the first argument, without the setting's name
    public record Use(Setting setting, boolean required, String meaning, boolean standsFirst) {
        public static List<Use> required(Setting... settings) {
            return Arrays.stream(settings).map(setting -> new Use(setting, true, setting.meaning(), false)).toList();
        }

        /// Required, with a meaning for this command.
        public static List<Use> required(Setting setting, String meaning) {
            return List.of(new Use(setting, true, meaning, false));
        }

        public static List<Use> optional(Setting... settings) {
            return Arrays.stream(settings).map(setting -> new Use(setting, false, setting.meaning(), false)).toList();
        }

        /// Optional, with a meaning for this command.
        public static List<Use> optional(Setting setting, String meaning) {
            return List.of(new Use(setting, false, meaning, false));
        }

        /// Required, and its value may stand first.
        public static List<Use> requiredFirst(Setting setting, String meaning) {
            return List.of(new Use(setting, true, meaning, true));
        }

        /// Optional, and its value may stand first.
        public static List<Use> optionalFirst(Setting setting) {
            return List.of(new Use(setting, false, setting.meaning(), true));
        }

        @SafeVarargs
        public static List<Use> all(List<Use>... groups) {
            List<Use> all = new ArrayList<>();
            for (List<Use> group : groups) {
                all.addAll(group);
            }
            return List.copyOf(all);
        }
    }
}

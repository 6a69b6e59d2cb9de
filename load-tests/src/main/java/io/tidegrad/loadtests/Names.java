package io.tidegrad.loadtests;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// Names of constants as they are written in options and tables: `dead-letters`.
public final class Names {
    private Names() {}

    public static String of(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /// @param option for the message: `--part`
    /// @throws IllegalArgumentException there is none of this name; says which there are
    public static <E extends Enum<E>> E named(String option, Class<E> type, String name) {
        List<E> all = List.of(type.getEnumConstants());
        return all.stream().filter(each -> of(each).equals(name)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException(option + " expects some of "
                        + all.stream().map(Names::of).toList() + ", found '" + name + "'"));
    }

    /// The constants of these names; all of them where none is given.
    public static <E extends Enum<E>> List<E> named(String option, Class<E> type, List<String> names) {
        return names.isEmpty() ? Arrays.asList(type.getEnumConstants())
                : names.stream().map(name -> named(option, type, name)).toList();
    }
}

package io.tidegrad.engine.testing;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/// Closed families: who belongs to them.
public final class Families {
    private Families() {}

    /// The classes that a sealed interface permits, those of permitted interfaces included.
    public static List<Class<?>> members(Class<?> family) {
        return Arrays.stream(family.getPermittedSubclasses())
                .<Class<?>>flatMap(
                        member -> member.isInterface() ? members(member).stream() : Stream.<Class<?>>of(member))
                .toList();
    }
}

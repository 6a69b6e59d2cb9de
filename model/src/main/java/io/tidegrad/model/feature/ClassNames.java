package io.tidegrad.model.feature;

import io.tidegrad.engine.random.Murmur3;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/// Finds a class by its name, without allocating.
final class ClassNames {
    private final byte[][] names;
    private final int[] slots; // a class, or -1: open addressing, at most half full
    private int size;

    /// @param room for how many names
    ClassNames(int room) {
        names = new byte[room][];
        slots = new int[4 * Integer.highestOneBit(room)];
        Arrays.fill(slots, -1);
    }

    /// @param names each once
    ClassNames(List<String> names) {
        this(names.size());
        names.forEach(name -> add(name.getBytes(StandardCharsets.UTF_8)));
    }

    /// The next class has this name, which no other one has.
    void add(byte[] name) {
        int slot = first(Murmur3.hash(name, 0, name.length, 0));
        while (slots[slot] >= 0) {
            slot = next(slot);
        }
        names[size] = name;
        slots[slot] = size++;
    }

    private int first(int hash) {
        return hash & slots.length - 1;
    }

    private int next(int slot) {
        return first(slot + 1);
    }

    /// The class whose name is this text; -1 if there is none.
    int of(CanonicalText text) {
        int slot = first(text.hash());
        while (slots[slot] >= 0 && !text.equalTo(names[slots[slot]])) {
            slot = next(slot);
        }
        return slots[slot];
    }
}

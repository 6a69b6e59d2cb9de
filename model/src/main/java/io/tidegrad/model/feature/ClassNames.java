package io.tidegrad.model.feature;

import io.tidegrad.engine.random.Murmur3;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/// Finds a class by its name, without allocating.
final class ClassNames {
    private final byte[][] names;
    private final int[] slots; // a class, or -1: open addressing, at most half full

    /// @param names each once
    ClassNames(List<String> names) {
        this.names = names.stream().map(name -> name.getBytes(StandardCharsets.UTF_8)).toArray(byte[][]::new);
        slots = new int[4 * Integer.highestOneBit(names.size())];
        Arrays.fill(slots, -1);
        for (int i = 0; i < this.names.length; i++) {
            int slot = first(Murmur3.hash(this.names[i], 0, this.names[i].length, 0));
            while (slots[slot] >= 0) {
                slot = next(slot);
            }
            slots[slot] = i;
        }
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

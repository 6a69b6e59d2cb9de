package io.tidegrad.engine.layer;

import java.util.Arrays;

/// The distinct ids of one step, numbered in order of first touch: an id's number is its slot. Open addressing over
/// arrays allocated once. It only answers look-ups: its own order never shows.
final class DistinctIds {
    private static final int FEW = 256;

    private final int[] ids; // slot → id
    // Base + slot of the id that lies there, or what an earlier step left.
    private final int[] cells;
    private final int shift;
    private int count;
    private int base; // above all that earlier steps left, so that nothing need be cleared

    /// @param maxPlaces ids of one step, repeated ones included
    DistinctIds(int maxPlaces) {
        this(maxPlaces, 1);
    }

    DistinctIds(int maxPlaces, int base) {
        ids = new int[maxPlaces];
        int bits = bits(maxPlaces);
        cells = new int[1 << bits];
        shift = 32 - bits;
        this.base = base;
    }

    /// Of the cells' number. A quarter of them full; an eighth while that fits the first-level cache: each collision is
    /// a branch that nobody foresees.
    private static int bits(int maxPlaces) {
        int spare = maxPlaces <= FEW ? 3 : 2;
        return Math.clamp(32 + spare - Integer.numberOfLeadingZeros(maxPlaces), 2, 30);
    }

    /// What it takes.
    static long bytes(int maxPlaces) {
        return Integer.BYTES * (maxPlaces + (1L << bits(maxPlaces)));
    }

    /// Forgets the step before.
    void begin() {
        base += count;
        count = 0;
        if (base > Integer.MAX_VALUE - ids.length) {
            Arrays.fill(cells, 0);
            base = 1;
        }
    }

    int count() {
        return count;
    }

    /// Slot → id, the first `count` of them.
    int[] ids() {
        return ids;
    }

    /// The slot of this id, a new one if it is not known yet.
    int slot(int id) {
        int cell = home(id);
        while (true) {
            int slot = cells[cell] - base;
            if (slot < 0) {
                cells[cell] = base + count;
                ids[count] = id;
                return count++;
            }
            if (ids[slot] == id) {
                return slot;
            }
            cell = cell + 1 & cells.length - 1;
        }
    }

    /// The slots of `places` ids in turn, as `slot` gives them.
    void slots(int[] of, int from, int places, int[] slots, int to) {
        int[] cells = this.cells;
        int[] ids = this.ids;
        int mask = cells.length - 1;
        int known = count;
        int base = this.base;
        for (int i = 0; i < places; i++) {
            int id = of[from + i];
            int cell = id * MULTIPLIER >>> shift;
            int slot = cells[cell & mask] - base;
            while (slot >= 0 && ids[slot] != id) {
                cell++;
                slot = cells[cell & mask] - base;
            }
            if (slot < 0) {
                cells[cell & mask] = base + known;
                ids[known] = id;
                slot = known++;
            }
            slots[to + i] = slot;
        }
        count = known;
    }

    /// The slot of this id, or -1.
    int slotOf(int id) {
        int cell = home(id);
        while (true) {
            int slot = cells[cell] - base;
            if (slot < 0) {
                return -1;
            }
            if (ids[slot] == id) {
                return slot;
            }
            cell = cell + 1 & cells.length - 1;
        }
    }

    /// 2^32 divided by the golden ratio: Fibonacci hashing.
    private static final int MULTIPLIER = 0x9E3779B9;

    /// Where to look first.
    private int home(int id) {
        return id * MULTIPLIER >>> shift;
    }
}

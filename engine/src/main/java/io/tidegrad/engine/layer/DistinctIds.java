package io.tidegrad.engine.layer;

import java.util.Arrays;

/// The distinct ids of one step, numbered in order of first touch; an id's number is called its slot. A hash table with
/// open addressing over arrays that are allocated once. It is only looked up in, never iterated, so results don't
/// depend on hash order.
final class DistinctIds {
    private static final int FEW = 256;
    private static final int VERY_FEW = 64;

    /// 2^32 divided by the golden ratio: Fibonacci hashing.
    private static final int MULTIPLIER = 0x9E3779B9;

    private final int[] ids; // slot → id
    // Base + slot of the id in this cell; a smaller value is left from an earlier step.
    private final int[] cells;
    private final int shift;
    private int count;
    private int base; // above all values of earlier steps, so that cells need not be cleared

    /// @param maxPlaces the most ids of one step, repeated ones included
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

    /// log2 of the number of cells. At most a quarter of them is filled, an eighth or a thirty-second if the cells then take
    /// 16 KB of the first-level cache at most, because each collision is a mispredicted branch: of 40 ids, 1.5 collide in 512
    /// cells, and 0.4 in 2,048.
    private static int bits(int maxPlaces) {
        int spare = maxPlaces <= VERY_FEW ? 5 : maxPlaces <= FEW ? 3 : 2;
        return Math.clamp(32 + spare - Integer.numberOfLeadingZeros(maxPlaces), 2, 30);
    }

    /// Bytes that it allocates.
    static long bytes(int maxPlaces) {
        return Integer.BYTES * (maxPlaces + (1L << bits(maxPlaces)));
    }

    /// Forgets the ids of the step before.
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

    /// Slot → id; the first `count` entries are valid.
    int[] ids() {
        return ids;
    }

    /// The slot of this id, which is added if it is new.
    int slot(int id) {
        int cell = cell(id);
        if (cells[cell] < base) {
            cells[cell] = base + count;
            ids[count] = id;
            return count++;
        }
        return cells[cell] - base;
    }

    /// Adds `places` ids to an empty set, slot i for the one at `of[from + i]`, and returns whether they all differ. At the first
    /// one that repeats another it stops: then `slots` goes on, from the first place.
    boolean addDistinct(int[] of, int from, int places) {
        int[] cells = this.cells;
        int[] ids = this.ids;
        int mask = cells.length - 1;
        int base = this.base;
        System.arraycopy(of, from, ids, 0, places);
        for (int slot = 0; slot < places; slot++) {
            int id = ids[slot];
            int cell = id * MULTIPLIER >>> shift;
            int other = cells[cell & mask] - base;
            while (other >= 0) {
                if (ids[other] == id) {
                    count = slot;
                    return false;
                }
                cell++;
                other = cells[cell & mask] - base;
            }
            cells[cell & mask] = base + slot;
        }
        count = places;
        return true;
    }

    /// Like `slot`, for `places` ids in turn.
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
        return Math.max(-1, cells[cell(id)] - base);
    }

    /// The cell of this id, or the one to put it into.
    private int cell(int id) {
        int cell = id * MULTIPLIER >>> shift;
        while (cells[cell] >= base && ids[cells[cell] - base] != id) {
            cell = cell + 1 & cells.length - 1;
        }
        return cell;
    }
}

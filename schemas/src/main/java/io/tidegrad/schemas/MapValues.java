package io.tidegrad.schemas;

import java.util.Arrays;

/// Where the values of a map lie in its bytes. Their order follows the keys, so that it does not depend on the order in
/// which somebody happened to write them.
final class MapValues {
    private int[] keys = new int[16];
    private int[] lengths = new int[16];
    private int[] values = new int[16];
    private int size;

    void add(int key, int length, int value) {
        if (size == keys.length) {
            keys = Arrays.copyOf(keys, 2 * size);
            lengths = Arrays.copyOf(lengths, 2 * size);
            values = Arrays.copyOf(values, 2 * size);
        }
        keys[size] = key;
        lengths[size] = length;
        values[size] = value;
        size++;
    }

    /// The positions of the values, by ascending bytes of their keys. Of a key that comes twice the last one counts.
    int[] inOrder(byte[] bytes) {
        Integer[] order = new Integer[size];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (one, other) -> compare(bytes, one, other)); // stable: the last of equal ones stays last
        int[] positions = new int[size];
        int count = 0;
        for (int i = 0; i < size; i++) {
            if (i + 1 == size || compare(bytes, order[i], order[i + 1]) != 0) {
                positions[count++] = values[order[i]];
            }
        }
        return Arrays.copyOf(positions, count);
    }

    private int compare(byte[] bytes, int one, int other) {
        return Arrays.compareUnsigned(bytes, keys[one], keys[one] + lengths[one], bytes, keys[other],
                keys[other] + lengths[other]);
    }
}

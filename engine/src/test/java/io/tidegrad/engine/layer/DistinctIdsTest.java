package io.tidegrad.engine.layer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DistinctIdsTest {
    /// Against a linked hash map, step after step: ids that repeat, that collide, and so many steps that the count of
    /// ids would overflow.
    @ParameterizedTest
    @ValueSource(ints = {1, 7, 40, 256, 257, 5_000})
    void idsAreNumberedInOrderOfFirstTouchWhateverEarlierStepsLeft(int maxPlaces) {
        Random random = new Random(maxPlaces);
        DistinctIds distinct = new DistinctIds(maxPlaces, Integer.MAX_VALUE - 3 * maxPlaces);
        for (int step = 0; step < 20; step++) {
            int bound = step % 2 == 0 ? Math.max(1, maxPlaces / 2) : Integer.MAX_VALUE;
            int[] ids = random.ints(maxPlaces, 0, bound).toArray();
            Map<Integer, Integer> expected = new LinkedHashMap<>();
            int[] slots = new int[maxPlaces];
            int half = random.nextInt(maxPlaces + 1);

            distinct.begin();
            distinct.slots(ids, 0, half, slots, 0);
            for (int i = half; i < maxPlaces; i++) {
                slots[i] = distinct.slot(ids[i]);
            }

            for (int i = 0; i < maxPlaces; i++) {
                expected.putIfAbsent(ids[i], expected.size());
                assertThat(slots[i]).isEqualTo(expected.get(ids[i]));
                assertThat(distinct.slotOf(ids[i])).isEqualTo(slots[i]);
            }
            assertThat(distinct.count()).isEqualTo(expected.size());
            assertThat(distinct.ids()).startsWith(expected.keySet().stream().mapToInt(id -> id).toArray());
            int unknown = random.nextInt();
            if (!expected.containsKey(unknown)) {
                assertThat(distinct.slotOf(unknown)).isEqualTo(-1);
            }
        }
    }

    /// Half of the steps draw from many ids, so that most repeat none, and the others from few.
    @ParameterizedTest
    @ValueSource(ints = {1, 7, 40, 256, 257, 5_000})
    void idsThatAllDifferAreAddedAtOnceAndOthersAfterAll(int maxPlaces) {
        Random random = new Random(maxPlaces);
        DistinctIds distinct = new DistinctIds(maxPlaces, Integer.MAX_VALUE - 3 * maxPlaces);
        int atOnce = 0;
        for (int step = 0; step < 40; step++) {
            int[] row = random.ints(2 + maxPlaces, 0, step % 2 == 0 ? 2 * maxPlaces : Integer.MAX_VALUE).toArray();
            int places = step % 4 < 2 ? maxPlaces : 1 + random.nextInt(maxPlaces);
            Map<Integer, Integer> expected = new LinkedHashMap<>();
            for (int i = 0; i < places; i++) {
                expected.putIfAbsent(row[2 + i], expected.size());
            }
            int[] slots = new int[maxPlaces];

            distinct.begin();
            boolean differ = distinct.addDistinct(row, 2, places);

            assertThat(differ).isEqualTo(expected.size() == places);
            atOnce += differ ? 1 : 0;
            if (!differ) {
                distinct.slots(row, 2, places, slots, 0);
            }
            for (int i = 0; i < places; i++) {
                assertThat(differ ? i : slots[i]).isEqualTo(expected.get(row[2 + i]));
                assertThat(distinct.slotOf(row[2 + i])).isEqualTo(expected.get(row[2 + i]));
            }
            assertThat(distinct.count()).isEqualTo(expected.size());
            assertThat(distinct.ids()).startsWith(expected.keySet().stream().mapToInt(id -> id).toArray());
        }
        assertThat(atOnce).isGreaterThan(15);
    }
}

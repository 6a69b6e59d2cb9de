@NullMarked
package io.tidegrad.loadtests.score;

import org.jspecify.annotations.NullMarked;

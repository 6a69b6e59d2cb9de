@NullMarked
package io.tidegrad.loadtests.chaos;

import org.jspecify.annotations.NullMarked;

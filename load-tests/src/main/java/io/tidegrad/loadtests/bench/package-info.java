@NullMarked
package io.tidegrad.loadtests.bench;

import org.jspecify.annotations.NullMarked;

@NullMarked
package io.tidegrad.scorerapp;

import org.jspecify.annotations.NullMarked;

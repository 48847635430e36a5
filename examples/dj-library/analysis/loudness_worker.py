"""How loud a track is and how much silence is at its ends: a worker in Python, without packages.

WAV files in PCM are read here, everything else by ffmpeg, where it is installed. Memory does not depend on the length of the file.
"""

import math
import os
import shutil
import subprocess
import sys
import tempfile
import wave
from array import array
from operator import mul

from backline_worker import NoRetry, serve

BLOCK_FRAMES = 65536
# About -60 decibels: what is softer is silence to a listener.
SILENT = 0.001
FFMPEG_RATE = 22050


class LibraryError(NoRetry):
    """Something about one file is wrong. Its code is kept with the failed job."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Meter:
    """Takes samples from -full to full, in interleaved frames, and remembers what is asked for."""

    def __init__(self, channels, rate, full):
        self.channels, self.rate, self.full = channels, rate, full
        self.samples = 0
        self.peak = 0
        self.squares = 0
        self.first_loud = None
        self.last_loud = None

    def take(self, values):
        if not values:
            return
        peak = max(max(values), -min(values))
        self.peak = max(self.peak, peak)
        self.squares += sum(map(mul, values, values))
        limit = SILENT * self.full
        if peak > limit:
            if self.first_loud is None:
                self.first_loud = self.samples + next(i for i, value in enumerate(values) if abs(value) > limit)
            last = next(i for i in range(len(values) - 1, -1, -1) if abs(values[i]) > limit)
            self.last_loud = self.samples + last
        self.samples += len(values)

    def answer(self):
        a_second = self.channels * self.rate
        length = self.samples / a_second
        first = length if self.first_loud is None else self.first_loud / a_second
        end = length if self.last_loud is None else length - (self.last_loud + 1) / a_second
        rms = math.sqrt(self.squares / self.samples) if self.samples else 0
        return {
            "peakDb": decibels(self.peak / self.full),
            "rmsDb": decibels(rms / self.full),
            "silentStart": round(first, 3),
            "silentEnd": round(max(0.0, end), 3),
        }


def decibels(share):
    return round(20 * math.log10(share), 2) if share > 0 else None


def integers(data, width):
    """Bytes of little-endian PCM as an array of whole numbers, and what full scale is in them."""
    data = data[: len(data) // width * width]
    if width == 1:
        return array("h", [value - 128 for value in data]), 1 << 7
    if width == 3:
        # Each sample moves into the upper three of four bytes.
        wide = bytearray(len(data) // 3 * 4)
        for i in range(3):
            wide[i + 1 :: 4] = data[i::3]
        data, width = bytes(wide), 4
    values = array("h" if width == 2 else "i")
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values, 1 << (8 * width - 1)


def measure_wav(sound, ctx):
    width, channels = sound.getsampwidth(), sound.getnchannels()
    meter = None
    for at in range(0, sound.getnframes(), BLOCK_FRAMES):
        data = sound.readframes(BLOCK_FRAMES)
        if not data or ctx.cancelled:
            break
        values, full = integers(data, width)
        meter = meter or Meter(channels, sound.getframerate(), full)
        meter.take(values)
        ctx.progress(done=at, total=sound.getnframes())
    return meter


def measure_any(path, ctx):
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise LibraryError("FFMPEG_MISSING", f"{path} needs ffmpeg to be read. Install ffmpeg, then retry the job.")
    command = [ffmpeg, "-nostdin", "-v", "error", "-i", f"file:{path}", "-map", "0:a:0", "-ac", "1"]
    command += ["-ar", str(FFMPEG_RATE), "-f", "s16le", "pipe:1"]
    # Its words go to a file: a pipe that nobody reads meanwhile could fill up.
    with tempfile.TemporaryFile() as words, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=words) as child:
        meter = Meter(1, FFMPEG_RATE, 1 << 15)
        while data := child.stdout.read(2 * BLOCK_FRAMES):
            if ctx.cancelled:
                child.kill()
                break
            meter.take(integers(data, 2)[0])
            ctx.heartbeat()
        child.wait()
        words.seek(0)
        said = words.read().decode(errors="replace").strip()
    if child.returncode != 0 and not ctx.cancelled:
        why = said.splitlines()[-1] if said else f"ffmpeg ended with {child.returncode}"
        raise LibraryError("DECODE_FAILED", f"{path} could not be decoded: {why}")
    return meter


def measure(path, ctx):
    if os.path.splitext(path)[1].lower() in (".wav", ".wave"):
        try:
            with wave.open(path, "rb") as sound:
                return measure_wav(sound, ctx)
        except (wave.Error, EOFError) as error:
            if shutil.which("ffmpeg") is None:
                raise LibraryError("WAV_UNSUPPORTED", f"{path} is no WAV file that is read here: {error}") from None
    return measure_any(path, ctx)


def analyze_loudness(track, ctx):
    meter = measure(track["path"], ctx)
    if ctx.cancelled:
        raise RuntimeError("it was told to stop")
    if meter is None:
        raise LibraryError("WAV_BROKEN", f"{track['path']} holds no sound")
    return {"loudness": meter.answer()}


serve({"analyze_loudness": analyze_loudness}, name="loudness")

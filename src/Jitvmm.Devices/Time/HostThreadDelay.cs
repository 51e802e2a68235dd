using System.Buffers.Text;
using Microsoft.Win32.SafeHandles;

namespace Jitvmm.Devices.Time;

/// <summary>How long the host's scheduler has kept one thread waiting for a CPU.</summary>
/// <remarks>Linux, Documentation/scheduler/sched-stats.rst: the second number of a task's <c>schedstat</c>, in nanoseconds. 0 on a host that keeps none.</remarks>
public sealed class HostThreadDelay : IDisposable
{
    private const int Longest = 80;

    private readonly SafeFileHandle? _file;

    /// <summary>Of the calling thread.</summary>
    public HostThreadDelay()
    {
        try
        {
            _file = File.OpenHandle("/proc/thread-self/schedstat", options: FileOptions.None);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            _file = null;
        }
    }

    /// <summary>Nanoseconds since the thread started.</summary>
    public long Now
    {
        get
        {
            if (_file == null)
            {
                return 0;
            }

            Span<byte> text = stackalloc byte[Longest];
            text = text[..RandomAccess.Read(_file, text, 0)];
            int second = text.IndexOf((byte)' ') + 1;
            return Utf8Parser.TryParse(text[second..], out long nanoseconds, out _) ? nanoseconds : 0;
        }
    }

    public void Dispose() => _file?.Dispose();
}

using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux;

/// <summary>The POSIX timers the program has on the host, which an exec inside the host process must delete.</summary>
public sealed class ProcessTimers
{
    private const long SysTimerDelete = 226;

    private readonly Lock _gate = new();
    private readonly HashSet<int> _ids = [];

    internal void Add(int id)
    {
        lock (_gate)
        {
            _ids.Add(id);
        }
    }

    internal void Remove(int id)
    {
        lock (_gate)
        {
            _ids.Remove(id);
        }
    }

    /// <summary>Deletes all.</summary>
    internal void Clear()
    {
        lock (_gate)
        {
            foreach (int id in _ids)
            {
                _ = HostCalls.Raw(SysTimerDelete, (ulong)id);
            }

            _ids.Clear();
        }
    }

    /// <summary>In the child of a fork, which has none.</summary>
    internal void Forget() => _ids.Clear();
}

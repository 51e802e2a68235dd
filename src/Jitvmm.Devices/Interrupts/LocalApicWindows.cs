using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Interrupts;

/// <summary>Keeps a <see cref="LocalApicWindow"/> wherever some processor has its local APIC. A page that is RAM stays RAM.</summary>
public sealed class LocalApicWindows(PhysicalMemory memory)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, (LocalApicWindow Window, int Users)> _windows = [];

    /// <summary>A processor's APIC appears at an address.</summary>
    public void Add(ulong address)
    {
        lock (_lock)
        {
            if (!_windows.TryGetValue(address, out (LocalApicWindow Window, int Users) at))
            {
                at = (new LocalApicWindow(address), 0);
                memory.AddDevice(address, GuestPages.PageSize, at.Window);
            }

            _windows[address] = (at.Window, at.Users + 1);
        }
    }

    /// <summary>It goes to another address than it had, on that processor's thread or before the machine runs.</summary>
    public void Move(ulong from, ulong to)
    {
        Add(to);
        lock (_lock)
        {
            (LocalApicWindow window, int users) = _windows[from];
            if (users > 1)
            {
                _windows[from] = (window, users - 1);
                return;
            }

            _ = _windows.Remove(from);
            memory.RemoveDevice(from, window);
        }
    }
}

using System.Runtime.InteropServices;

namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>What a processor does, and how long it has done what (xen/include/public/vcpu.h, vcpu_runstate_info). Under the domain's lock.</summary>
internal sealed class XenRunstate(XenDomain domain, IParavirtualHost host)
{
    public const int Running = 0;
    public const int Runnable = 1;
    public const int Blocked = 2;

    /// <summary>Words of saved state.</summary>
    public const int StateLength = 2 + States + XenArea.StateLength;

    private const int States = 4;

    /// <summary>In the time of entry, while the record changes: for guests that asked for it.</summary>
    private const ulong Changing = 1ul << 63;

    private readonly XenArea _area = new(host.Memory);
    private readonly ulong[] _times = new ulong[States];
    private int _state = Running;
    private long _since;

    /// <summary>Enters a state; some of the time before it was spent waiting for the host.</summary>
    public void Enter(int state, long waited)
    {
        long now = host.Now;
        long spent = Math.Max(now - _since, 0);
        waited = Math.Min(waited, spent);
        _times[_state] += (ulong)(spent - waited);
        _times[Runnable] += (ulong)waited;
        (_state, _since) = (state, now);
        Publish();
    }

    /// <summary>Has the record at an address from now on. False: that is not in RAM.</summary>
    public bool TryPlace(in XenCall call, ulong address)
    {
        bool isPlaced = _area.TryPlace(call, address, domain.Shared.Is64Bit ? 48 : 44);
        Publish();
        return isPlaced;
    }

    /// <summary>The record as it is now.</summary>
    public void Write(ref XenRecord record)
    {
        ulong spent = (ulong)Math.Max(host.Now - _since, 0);
        record.Write32((uint)_state);
        record.Write64((ulong)_since);
        for (int state = 0; state < States; state++)
        {
            record.Write64(_times[state] + (state == _state ? spent : 0));
        }
    }

    public void Save(Span<ulong> words)
    {
        words[0] = (ulong)_state;
        words[1] = (ulong)_since;
        _times.CopyTo(words[2..]);
        _area.Save(words[(2 + States)..]);
    }

    /// <summary>False: it is no run state.</summary>
    public bool TryRestore(ReadOnlySpan<ulong> words)
    {
        if (words[0] >= States || words[1] > long.MaxValue)
        {
            return false;
        }

        (_state, _since) = ((int)words[0], (long)words[1]);
        words.Slice(2, States).CopyTo(_times);
        return _area.TryRestore(words[(2 + States)..]);
    }

    /// <summary>A state, the time of entry and four times. 32-bit code aligns 8 bytes to 4.</summary>
    private void Publish()
    {
        if (!_area.IsPlaced)
        {
            return;
        }

        int offset = domain.Shared.Is64Bit ? sizeof(ulong) : sizeof(uint);
        Span<byte> record = stackalloc byte[offset + ((1 + States) * sizeof(ulong))];
        record.Clear();
        MemoryMarshal.Write(record, _state);
        for (int state = 0; state < States; state++)
        {
            MemoryMarshal.Write(record[(offset + ((1 + state) * sizeof(ulong)))..], _times[state]);
        }

        MemoryMarshal.Write(record[offset..], (ulong)_since | (domain.MarksRunstateChanges ? Changing : 0));
        _area.Write(record);
        if (domain.MarksRunstateChanges)
        {
            MemoryMarshal.Write(record[offset..], (ulong)_since);
            _area.Write(record);
        }
    }
}

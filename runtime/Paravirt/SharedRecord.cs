using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt;

/// <summary>A record in the guest's RAM that the VMM writes and the guest reads, at a physical address the guest chose.</summary>
/// <remarks>RAM stays where it is, so an address is checked once. The guest may write the record too: nothing read from it is trusted.</remarks>
public sealed unsafe class SharedRecord(PhysicalMemory memory, int length)
{
    private ulong _address;
    private byte* _bytes;

    public bool IsPlaced => _bytes != null;

    /// <summary>Puts it at an address. False, and it is nowhere, when not all of it is in RAM.</summary>
    public bool TryPlace(ulong address)
    {
        bool isRam = memory.Allows(address, (ulong)length, PageAccess.Read | PageAccess.Write);
        _address = address;
        _bytes = isRam ? memory.HostBase + address : null;
        return isRam;
    }

    public void Remove() => _bytes = null;

    /// <summary>Its bytes, to be written; then call <see cref="Written"/>. It must be placed.</summary>
    public byte* Writable() => _bytes;

    /// <summary>Throws translations of the bytes away.</summary>
    public void Written() => memory.InvalidateCode(_address, (ulong)length);

    /// <summary>
    /// Begins a change that the guest must see whole or not at all: makes the version at an offset odd. The guest reads it again after what it guards.
    /// </summary>
    public byte* BeginChange(int versionOffset)
    {
        BeginChange((uint*)(_bytes + versionOffset));
        return _bytes;
    }

    /// <summary>Ends it: the version becomes the next even number.</summary>
    public void EndChange(int versionOffset)
    {
        EndChange((uint*)(_bytes + versionOffset));
        Written();
    }

    /// <summary>Begins a change of what the version at an address guards.</summary>
    internal static void BeginChange(uint* version)
    {
        Volatile.Write(ref *version, (Volatile.Read(ref *version) & ~1u) + 1);

        // Stores are seen in their order on x86; the compiler's order is what the fence is for.
        Interlocked.MemoryBarrier();
    }

    internal static void EndChange(uint* version) => Volatile.Write(ref *version, *version + 1);
}

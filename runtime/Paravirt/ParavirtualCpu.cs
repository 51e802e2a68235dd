using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Paravirt;

/// <summary>The paravirtual part of one processor. Its members are called on that processor's thread unless they say otherwise; none throws, whatever the guest passes.</summary>
public abstract unsafe class ParavirtualCpu
{
    private readonly HypercallSites _sites;

    protected ParavirtualCpu(ParavirtualInterface offered, IParavirtualHost host)
    {
        _sites = offered.Sites;
        Host = host;
    }

    /// <summary>Registers of the engine's CPU, from <see cref="Attach"/> to <see cref="Detach"/>.</summary>
    public CpuState* State { get; private set; }

    /// <summary>Where the guest may end interrupts by itself; null when the interface has no such place.</summary>
    public virtual ILazyEndOfInterrupt? LazyEndOfInterrupt => null;

    protected IParavirtualHost Host { get; }

    /// <summary><see cref="SaveState"/> of an interface whose state is model-specific registers.</summary>
    protected ulong[] SaveRegisters(params ReadOnlySpan<uint> registers)
    {
        ulong[] words = new ulong[registers.Length];
        for (int i = 0; i < words.Length; i++)
        {
            _ = TryReadMsr(registers[i], out words[i]);
        }

        return words;
    }

    /// <summary>The counterpart: writes them in the same order. A register that is 0, as all are after <see cref="Reset"/>, need not exist.</summary>
    protected bool TryRestoreRegisters(ReadOnlySpan<ulong> words, params ReadOnlySpan<uint> registers)
    {
        Reset();
        bool isRestored = words.Length == registers.Length;
        for (int i = 0; isRestored && i < words.Length; i++)
        {
            isRestored = words[i] == 0 || TryWriteMsr(registers[i], words[i]);
        }

        return isRestored;
    }

    /// <summary>The engine made the processor's CPU.</summary>
    public void Attach(CpuState* state)
    {
        State = state;
        state->System.HypercallCounts = (nint)_sites.AddCounts();
    }

    /// <summary>The engine's CPU is about to go.</summary>
    public void Detach()
    {
        _sites.RemoveCounts((ulong*)State->System.HypercallCounts);
        State->System.HypercallCounts = 0;
        State = null;
    }

    /// <summary>Carries out the hypercall whose number and arguments are in the registers.</summary>
    public abstract void Hypercall();

    /// <summary>False: no register of the interface, which the guest gets #GP for.</summary>
    public abstract bool TryReadMsr(uint index, out ulong value);

    /// <summary>False: no register of the interface, or a value that raises #GP.</summary>
    public abstract bool TryWriteMsr(uint index, ulong value);

    /// <summary>IN from a port that is a call of the interface, whatever the processor's privilege. False: a port like any other.</summary>
    public virtual bool TryReadPort(ushort port, int bytes, out uint value)
    {
        value = 0;
        return false;
    }

    /// <summary>What has to be saved with the machine beside memory, always as many words.</summary>
    public abstract ulong[] SaveState();

    /// <summary>Puts saved words back into a machine whose memory is what it was. False: they are not this interface's with its features.</summary>
    public abstract bool TryRestoreState(ReadOnlySpan<ulong> words);

    /// <summary>INIT or power-on.</summary>
    public abstract void Reset();

    /// <summary>The guest's time-stamp counter was set, or its offset.</summary>
    public virtual void TimeStampMoved()
    {
    }

    /// <summary>An interrupt is about to be delivered.</summary>
    public virtual void InterruptTaken()
    {
    }

    /// <summary>The processor is about to wait in a halt.</summary>
    public virtual void Halting()
    {
    }

    /// <summary>It goes on.</summary>
    public virtual void Running()
    {
    }
}

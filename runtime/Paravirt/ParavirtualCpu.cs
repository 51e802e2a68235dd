using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt;

/// <summary>The paravirtual part of one processor. Its members are called on that processor's thread unless they say otherwise; none throws, whatever the guest passes.</summary>
public abstract unsafe class ParavirtualCpu
{
    private const int StackPointer = 4;

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

    /// <summary>The vector of an interrupt that the interface delivers itself, past the local APIC, and again until the guest has seen to it; −1 when there is none. Any thread.</summary>
    public virtual int PendingVector => -1;

    protected IParavirtualHost Host { get; }

    /// <summary>Hypercalls that were made outside compiled code, or that it was left for.</summary>
    public ulong Callouts { get; internal set; }

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

    /// <summary>Carries out the hypercall whose number and arguments are in the registers. False: there are none here and now, which is #UD.</summary>
    public abstract bool Hypercall();

    /// <summary>
    /// The site that counts a hypercall, by the number of the instruction's: of a call into <see cref="HypercallPage"/> that is where the call is. Reads the guest's stack and
    /// raises what that raises, as the return behind the hypercall would.
    /// </summary>
    public int SiteOf(int instruction)
    {
        if (!_sites.IsEntry(instruction) || !CpuMode.Is64Bit(State))
        {
            return instruction;
        }

        // The last byte of the call is what a rewritten call has changed, or what comes before it.
        ulong returnsTo = PagedMemory.Read(State, State->Gpr[StackPointer], sizeof(ulong), false);
        return TryFindCode(returnsTo - 1, out ulong physical) ? _sites.EnterCall(returnsTo, physical, State->Gpr[_sites.NumberRegister] & _sites.NumberMask) : instruction;
    }

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

    /// <summary>The local APIC takes interrupts from now on, and has lost those that came before. Under its lock.</summary>
    public virtual void InterruptsEnabled()
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

    /// <summary>About to execute guest code, outside translated code: at the start of a run, and whenever something made the processor look around.</summary>
    public virtual void Entering()
    {
    }

    /// <summary>The run ended.</summary>
    public virtual void Left()
    {
    }

    /// <summary>Whether a hypercall wants the processor to wait, as in a halt.</summary>
    public virtual bool TakesHalt() => false;

    /// <summary>What was fetched long ago is not remembered since the latest flush, and what the guest has unmapped is nowhere.</summary>
    private bool TryFindCode(ulong linear, out ulong physical)
    {
        if (SoftTlb.TryFindCode(State, linear, out physical))
        {
            return true;
        }

        bool isMapped = PagedMemory.TryTranslate(State, linear, SoftTlb.Privilege(State) | PageWalk.Read, out PageMapping mapping);
        physical = mapping.Physical;
        return isMapped;
    }
}

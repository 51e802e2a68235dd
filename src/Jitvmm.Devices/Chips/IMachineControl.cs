namespace Jitvmm.Devices.Chips;

/// <summary>What devices can ask of their machine. Any thread, possibly under device locks: implementations note the request and wake the vCPUs.</summary>
public interface IMachineControl
{
    /// <summary>The guest turned the machine off.</summary>
    void PowerOff();

    void Reset();

    /// <summary>The guest says that it has crashed.</summary>
    void Crash();

    /// <summary>The guest ends the run with this status (isa-debug-exit).</summary>
    void Exit(int status);
}
